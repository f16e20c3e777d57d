"""BNG's own word in the manifest table: a row for each record that a sweep listed, or that it looked for in vain."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from bng_bridge.bng.records import id_of
from bng_bridge.config import Site
from bng_bridge.flows.names import order_name
from bridge_common import queries

_SQL = queries.load("bng_bridge", "sweep")

ENTITIES = {"shipments": "shipment", "sales-orders": "sales_order", "customers": "customer"}
"""Those that the ledger counts record by record. Of stock it counts the changes, in the inbox."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A sales order that ought to be at BNG; `order_id` is Magento's."""

    site: str
    order_id: str
    sales_order_id: str
    external_id: str
    created_at: str


def put(db: sqlite3.Connection, resource: str, record: dict[str, Any], now: str, excluded: str = "") -> None:
    """What BNG lists. `excluded` is kept only where no reason is known yet."""
    if resource not in ENTITIES:
        return
    entity = ENTITIES[resource]
    values = {
        "entity": entity, "entity_id": id_of(entity, record), "name": str(record.get("ExternalID") or ""),
        "day": str(record.get("OrderDate") or record.get("CreatedAt") or "")[:10],
        "total": str(record.get("Total") or ""), "currency": str(record.get("Currency") or ""),
        "state": "deleted" if record.get("Deleted") else "covered", "excluded": excluded, "now": now,
    }  # fmt: skip
    db.execute(_SQL["put"], values)


def put_gone(db: sqlite3.Connection, gone: Bound, now: str) -> None:
    day = gone.created_at[:10]
    values = {"entity_id": gone.sales_order_id, "name": gone.external_id, "day": day, "now": now}
    db.execute(_SQL["put_gone"], values)


def not_listed(db: sqlite3.Connection, sites: dict[str, Site], since: str, began: str) -> list[Bound]:
    """Sales orders that BNG created since `since` by its own time, and that the sweep which began at `began` did not see.

    One whose row holds another ExternalID is among them: a BNG restored from a backup gives its ids out a second time.
    """
    return [
        bound
        for row in db.execute(_SQL["bound_sales_orders"], {"since": since, "began": began})
        if row["site"] in sites
        and (bound := _bound(db, row, sites[row["site"]])).external_id
        and (row["listed_at"] is None or row["listed_at"] < began or row["state"] == "deleted"
             or row["name"] != bound.external_id)
    ]  # fmt: skip


def _bound(db: sqlite3.Connection, row: sqlite3.Row, site: Site) -> Bound:
    order_id = row["target_key"].split("/")[2]
    external_id = order_name(db, row["site"], site, order_id)
    return Bound(row["site"], order_id, row["target_id"], external_id, row["created_at"] or row["bound_at"])
