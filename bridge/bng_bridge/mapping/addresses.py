"""Magento's address to BNG's five fields."""

from typing import Any


def address(source: dict[str, Any] | None) -> dict[str, str] | None:
    """Street lines joined by a comma; State is the region's code where there is one."""
    if not source:
        return None
    street = source.get("street") or []
    return {
        "Street": ", ".join(line for line in street if line),
        "City": source.get("city") or "",
        "State": source.get("region_code") or source.get("region") or "",
        "Zip": source.get("postcode") or "",
        "Country": source.get("country_id") or "",
    }
