"""What a stage's sandboxes say of themselves, one site at a time, for the oracle and the report."""

from typing import Any

from bridge_sandbox.book import Book, by_external_id, latencies_ms
from bridge_sandbox.chaos.oracle import Evidence
from bridge_sandbox.stage import Stage

PAGE = 100


def collect(stage: Stage, site: str) -> Evidence:
    """Both sandboxes' books as they stand now."""
    return Evidence(
        site=site,
        shop=stage.shops[site].book(),
        orders=all_orders(stage, site),
        bng=stage.bng.book(),
        sales_order_history=stage.bng.history("sales_orders"),
        customer_history=stage.bng.history("customers"),
    )


def all_orders(stage: Stage, site: str) -> list[dict[str, Any]]:
    """The shop's order documents."""
    orders: list[dict[str, Any]] = []
    api = stage.api(site)
    while True:
        path = f"/rest/V1/orders?searchCriteria[pageSize]={PAGE}&searchCriteria[currentPage]={len(orders) // PAGE + 1}"
        page = api.get(path)
        orders += page["items"]
        if len(orders) >= page["total_count"] or not page["items"]:
            return orders


def slowest(stage: Stage) -> tuple[float, str] | None:
    """Of all orders, the longest way from the commit in the shop to BNG in seconds, and whose it was; None without any."""
    found = []
    for site, shop in stage.shops.items():
        sales_orders = by_external_id(stage.bng.book()["sales_orders"], site)
        for order in shop.book()["orders"]:
            lag_ms = list(latencies_ms({"orders": [order]}, sales_orders, site))
            found += [(lag / 1000, said(site, order)) for lag in lag_ms]
    return max(found, default=None)


def said(site: str, order: Book) -> str:
    return f"order {order['entity_id']} of {site}, committed at {order['committed_at']}"
