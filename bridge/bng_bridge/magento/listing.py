"""Everything of one kind that a shop lists, a page at a time, by growing id: whole, also while the shop goes on selling."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from bng_bridge.magento.client import MagentoClient

PAGE = 100
Filter = tuple[str, str, str]
"""Field, Magento's condition (eq, in, gteq …), value."""


async def pages(
    client: MagentoClient, path: str, filters: Iterable[Filter], *, fields: str, id_field: str = "entity_id"
) -> AsyncIterator[list[dict[str, Any]]]:
    """`fields` of each document beside its id, which documents call `id_field` and filters `entity_id`."""
    last_id = 0
    while True:
        query = _criteria([*filters, ("entity_id", "gt", str(last_id))])
        query["fields"] = f"items[{','.join(dict.fromkeys((id_field, *fields.split(','))))}]"
        found = await client.get(path, query) or {}
        items = list(found.get("items") or [])
        if items:
            yield items
            last_id = int(items[-1][id_field])
        if len(items) < PAGE:
            return


def _criteria(filters: list[Filter]) -> dict[str, str]:
    query = {"searchCriteria[pageSize]": str(PAGE)}
    query |= {"searchCriteria[sortOrders][0][field]": "entity_id", "searchCriteria[sortOrders][0][direction]": "ASC"}
    for index, (field, condition, value) in enumerate(filters):
        prefix = f"searchCriteria[filter_groups][{index}][filters][0]"
        query |= {f"{prefix}[field]": field, f"{prefix}[condition_type]": condition, f"{prefix}[value]": value}
    return query
