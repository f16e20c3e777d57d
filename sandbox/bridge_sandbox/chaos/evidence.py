"""What a stage's sandboxes say of themselves, one site at a time, for the oracle and the report."""

import json
import re
from typing import Any

from bridge_sandbox.book import Book, by_external_id, latencies_ms
from bridge_sandbox.chaos.oracle import Evidence
from bridge_sandbox.chaos.report import Standing
from bridge_sandbox.stage import Stage

PAGE = 100
MISSING = re.compile(r"action=manifest_missing site=(\S+) entity=(\S+) op=(\S+)")


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


def missing(stage: Stage) -> list[tuple[str, str]]:
    """What the manifest found missing, as (site, what); from the bridge's log, to which each of its lives appends."""
    return missing_in(stage.program("bridge").log.read_text(errors="replace"))


def missing_in(log: str) -> list[tuple[str, str]]:
    return [(site, entity if op == "U" else f"{entity} {op}") for site, entity, op in MISSING.findall(log)]


def leftovers(stage: Stage, standing: Standing) -> list[str]:
    """Dead letters with their reasons, and how much else is left."""
    found = [f"{standing.waiting} events or outbox rows still wait"] if standing.waiting else []
    found += [f"{standing.unknown} writes are of unknown outcome"] if standing.unknown else []
    letters: list[dict[str, Any]] = json.loads(stage.bridgectl("dlq", "list", "--json") or "[]")
    return found + [f"dead: {each['entity']}/{each['entity_id']}: {each['reason']}" for each in letters]
