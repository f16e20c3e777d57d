"""Regions of addresses: Magento finds none by its code, so the directory is asked for the id."""

from typing import Any

from bng_bridge.magento.client import MagentoClient, segment

Document = dict[str, Any]


async def with_regions(client: MagentoClient, customer: Document) -> Document:
    """The customer with the ids of those regions that have a code and no id. One that its country lacks stays a text."""
    addresses = customer.get("addresses")
    if not addresses:
        return customer
    return {**customer, "addresses": [await _with_region(client, each) for each in addresses]}


async def _with_region(client: MagentoClient, address: Document) -> Document:
    region = address.get("region") or {}
    code = str(region.get("region_code") or "") if isinstance(region, dict) else ""
    if not code or region.get("region_id"):
        return address
    country = await client.static(f"/V1/directory/countries/{segment(str(address.get('country_id') or ''))}")
    known = (country or {}).get("available_regions") or []
    found = next((each for each in known if code in (each.get("code"), each.get("name"))), None)
    if found is None:
        return {**address, "region": {"region": code, "region_id": 0}, "region_id": 0}
    region_id = int(found["id"])
    region = {"region_code": found["code"], "region": found["name"], "region_id": region_id}
    return {**address, "region": region, "region_id": region_id}
