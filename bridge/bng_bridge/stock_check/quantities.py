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


async def _of_source(client: MagentoClient, source_code: str, skus: list[str]) -> dict[str, Decimal]:
    """A comma in a SKU would part it in a list, so such a one is asked for by itself."""
    rows: list[dict[str, Any]] = []
    alone = [sku for sku in skus if "," in sku]
    together = [sku for sku in skus if "," not in sku]
    for value, condition in [*((sku, "eq") for sku in alone), *([(",".join(together), "in")] if together else [])]:
        answer = await client.get(SOURCE_ITEMS, _query(source_code, value, condition, len(skus)))
        rows += (answer or {}).get("items") or []
    by_sku = {str(row["sku"]).casefold(): Decimal(str(row["quantity"])) for row in rows}
    return {sku: by_sku[sku.casefold()] for sku in skus if sku.casefold() in by_sku}


async def _of_products(client: MagentoClient, skus: list[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for sku in skus:
        item = await client.get(f"/V1/stockItems/{segment(sku)}")
        if item is not None and item.get("qty") is not None:
            found[sku] = Decimal(str(item["qty"]))
    return found


def _query(source_code: str, value: str, condition: str, size: int) -> dict[str, str]:
    first, second = ("searchCriteria[filter_groups][0][filters][0]", "searchCriteria[filter_groups][1][filters][0]")
    return {
        f"{first}[field]": "source_code",
        f"{first}[value]": source_code,
        f"{second}[field]": "sku",
        f"{second}[condition_type]": condition,
        f"{second}[value]": value,
        "searchCriteria[pageSize]": str(size),
        "fields": "items[sku,quantity]",
    }
