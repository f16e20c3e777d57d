"""What a shop has of many SKUs: a page of its source items by one call, or its stock items one by one."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bng_bridge.magento.client import SOURCE_ITEMS, MagentoClient, segment

Wanted = tuple[str, str]
"""(SKU, source code)"""


async def quantities(client: MagentoClient, wanted: Iterable[Wanted]) -> dict[Wanted, Decimal]:
    """Those that the shop has. Magento finds a SKU however its letters are written, and so is it found here."""
    by_source: dict[str, list[str]] = {}
    for sku, source_code in wanted:
        by_source.setdefault(source_code, []).append(sku)
    found: dict[Wanted, Decimal] = {}
    for source_code, skus in by_source.items():
        if await client.has_sources():
            found |= {(sku, source_code): each for sku, each in (await _of_source(client, source_code, skus)).items()}
        else:
            found |= {(sku, source_code): each for sku, each in (await _of_products(client, skus)).items()}
    return found


async def products(client: MagentoClient, skus: list[str]) -> set[str]:
    """Those of them that the shop's catalogue has."""
    known = {str(row["sku"]).casefold() for row in await _rows(client, "/V1/products", skus, "sku")}
    return {sku for sku in skus if sku.casefold() in known}


async def _of_source(client: MagentoClient, source_code: str, skus: list[str]) -> dict[str, Decimal]:
    rows = await _rows(client, SOURCE_ITEMS, skus, "sku,quantity", source_code=source_code)
    by_sku = {str(row["sku"]).casefold(): Decimal(str(row["quantity"])) for row in rows}
    return {sku: by_sku[sku.casefold()] for sku in skus if sku.casefold() in by_sku}


async def _of_products(client: MagentoClient, skus: list[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for sku in skus:
        item = await client.get(f"/V1/stockItems/{segment(sku)}")
        if item is not None and item.get("qty") is not None:
            found[sku] = Decimal(str(item["qty"]))
    return found


async def _rows(client: MagentoClient, path: str, skus: list[str], fields: str, **equal: str) -> list[dict[str, Any]]:
    """A comma in a SKU would part it in a list, so such a one is asked for by itself."""
    together = [sku for sku in skus if "," not in sku]
    wanted = [(sku, "eq") for sku in skus if "," in sku]
    if together:
        wanted.append((",".join(together), "in"))
    found: list[dict[str, Any]] = []
    for value, condition in wanted:
        filters = [("sku", condition, value), *((field, "eq", each) for field, each in equal.items())]
        answer = await client.get(path, _query(filters, fields, len(skus)))
        found += (answer or {}).get("items") or []
    return found


def _query(filters: list[tuple[str, str, str]], fields: str, size: int) -> dict[str, str]:
    query = {"searchCriteria[pageSize]": str(size), "fields": f"items[{fields}]"}
    for number, (field, condition, value) in enumerate(filters):
        prefix = f"searchCriteria[filter_groups][{number}][filters][0]"
        query |= {f"{prefix}[field]": field, f"{prefix}[condition_type]": condition, f"{prefix}[value]": value}
    return query
