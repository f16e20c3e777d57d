"""Magento's address to BNG's five fields."""

from typing import Any


def address(source: dict[str, Any] | None) -> dict[str, str] | None:
    """Street lines joined by a comma; State is the region's code where there is one.

    Order documents hold the region as text beside its code, customer documents hold both in an object.
    """
    if not source:
        return None
    street = source.get("street") or []
    region = source.get("region") or ""
    named = region if isinstance(region, dict) else {"region": region, "region_code": source.get("region_code")}
    return {
        "Street": ", ".join(line for line in street if line),
        "City": source.get("city") or "",
        "State": named.get("region_code") or named.get("region") or "",
        "Zip": source.get("postcode") or "",
        "Country": source.get("country_id") or "",
    }
