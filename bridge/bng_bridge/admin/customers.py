"""One customer as both sides have it, and what both sides edited at once."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bng_bridge import bindings, inbox
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.bindings import Binding
from bng_bridge.flows.keys import customer_key, sales_order_key
from bng_bridge.flows.names import customer_name
from bng_bridge.merging import kept
from bng_bridge.merging.customers import of_bng
from bng_bridge.merging.merge import is_same
from bridge_common.errors import BridgeError

Document = dict[str, Any]
WORDS = "customer-to-customer"
"""The mapping in whose fields both sides are shown."""
ORDERS = 10
OPEN = ("pending", "processing", "dead")


async def customer(bridge: Bridge, mail: str) -> Document:
    """{"email", "customers", "others", "orders", "payments", "notes"}.

    `customers` are accounts of shops with BNG's customer beside each; `others` BNG's that are linked with none of these.
    What cannot be asked is a note.
    """
    notes: list[str] = []
    found = await _try(notes, "BNG", lambda: _with_address(bridge, mail))
    shown: Document = {"email": mail, "customers": [], "others": [], "orders": [], "payments": [], "notes": notes}
    for site, client in bridge.context.magento.items():

        async def accounts(client: Any = client) -> list[Document]:
            return list(await client.search("/V1/customers/search", email=mail))

        for each in await _try(notes, site, accounts):
            shown["customers"].append(await _pair(bridge, site, each, notes))
        shown["orders"] += await _try(notes, site, lambda site=site: _orders(bridge, site, mail))  # type: ignore[misc]
    known = {each["bng_id"] for each in shown["customers"]}
    shown["others"] = [_other(bridge.store.read, each) for each in found if each["CustomerID"] not in known]
    for bng_id in sorted(filter(None, {*known, *(each["CustomerID"] for each in found)})):
        shown["payments"] += await _try(notes, "BNG", lambda bng_id=bng_id: _payments(bridge, bng_id))  # type: ignore[misc]
    return shown


def conflicts(read: sqlite3.Connection, limit: int) -> list[Document]:
    """[{"at", "site", "customer_id", "bng_id", "field", "shop", "bng", "winner"}], the newest first."""
    return [_conflict(read, each) for each in kept.conflicts(read, limit=limit)]


async def _try(notes: list[str], whom: str, ask: Callable[[], Awaitable[list[Document]]]) -> list[Document]:
    try:
        return await ask()
    except BridgeError as error:
        note = f"{whom} cannot be asked: {error.message}"
        if note not in notes:
            notes.append(note)
        return []


async def _with_address(bridge: Bridge, mail: str) -> list[Document]:
    found = await bridge.context.bng.search("customers", email=mail)
    return [each for each in found if str(each.get("Email") or "").casefold() == mail.casefold()]


async def _pair(bridge: Bridge, site: str, account: Document, notes: list[str]) -> Document:
    read, customer_id = bridge.store.read, str(account["id"])
    key = customer_key(site, customer_id)
    bound = bindings.get(read, key)
    name = customer_name(read, site, bridge.config.sites[site], customer_id)

    async def at_bng() -> list[Document]:
        record = None if bound is None else await bridge.context.bng.get(f"customers/{bound.target_id}")
        return [] if record is None else [record]

    found = await _try(notes, "BNG", at_bng)
    return {
        "site": site, "customer_id": customer_id, "bng_id": None if bound is None else bound.target_id,
        "external_id": name, "bound_at": None if bound is None else bound.bound_at,
        "fields": _fields(bridge, site, account, name, found[0] if found else {}),
        "conflicts": [_conflict(read, each) for each in kept.conflicts(read, key, ORDERS)],
        "events": _events(read, site, customer_id, bound),
    }  # fmt: skip


def _fields(bridge: Bridge, site: str, account: Document, name: str, record: Document) -> list[Document]:
    """Side by side, in BNG's words."""
    words = bridge.context.mappings(site, WORDS)
    said = words(account, external_id=name, is_create=False)
    shop = {field: value for field, value in said.items() if field != "ExternalID"}
    bng = of_bng(record)
    return [
        {
            "field": field, "shop": shop.get(field), "bng": bng.get(field),
            "is_same": is_same(shop.get(field), bng.get(field)),
            "owner": words.head.owners.get(field, "magento") if field in shop else "bng",
        }
        for field in dict.fromkeys((*shop, *bng))
    ]  # fmt: skip


def _events(read: sqlite3.Connection, site: str, customer_id: str, bound: Binding | None) -> list[Document]:
    rows = inbox.select(read, "of_entity", source="magento", entity="customer", entity_id=customer_id, site=site)
    if bound is not None:
        rows += inbox.select(read, "of_entity", source="bng", entity="customer", entity_id=bound.target_id, site="")
    names = ("seq", "source", "kind", "state", "reason", "hint", "run_at")
    return [{name: row[name] for name in names} for row in rows if row["state"] in OPEN]


async def _orders(bridge: Bridge, site: str, mail: str) -> list[Document]:
    prefix = "searchCriteria[filter_groups][0][filters][0]"
    query = {
        f"{prefix}[field]": "customer_email", f"{prefix}[value]": mail, "searchCriteria[pageSize]": str(ORDERS),
        "searchCriteria[sortOrders][0][field]": "entity_id", "searchCriteria[sortOrders][0][direction]": "DESC",
    }  # fmt: skip
    found = await bridge.context.magento[site].get("/V1/orders", query)
    return [_order(bridge.store.read, site, each) for each in (found or {}).get("items") or []]


def _order(read: sqlite3.Connection, site: str, order: Document) -> Document:
    bound = bindings.get(read, sales_order_key(site, str(order["entity_id"])))
    return {
        "site": site, "increment_id": order["increment_id"], "created_at": order["created_at"],
        "state": order.get("state"), "total": order.get("grand_total"), "paid": order.get("total_paid"),
        "currency": order.get("order_currency_code"), "bng_id": None if bound is None else bound.target_id,
    }  # fmt: skip


async def _payments(bridge: Bridge, bng_id: str) -> list[Document]:
    names = ("PaymentID", "InvoiceID", "CustomerID", "PaymentDate", "Method", "TransactionID", "Amount", "Currency")
    found = await bridge.context.bng.search("payments", customer_id=bng_id)
    return [{name: each.get(name) for name in names} for each in found if each.get("CustomerID") == bng_id][-ORDERS:]


def _other(read: sqlite3.Connection, record: Document) -> Document:
    bound = bindings.by_target(read, "bng", "customer", str(record["CustomerID"]))
    names = ("CustomerID", "ExternalID", "CompanyName", "FirstName", "LastName", "Status", "Deleted")
    return {name: record.get(name) for name in names} | {"bound_to": None if bound is None else bound.target_key}


def _conflict(read: sqlite3.Connection, row: Document) -> Document:
    site, _, customer_id, *_ = row["target_key"].split("/")
    bound = bindings.get(read, row["target_key"])
    return {
        "at": row["at"], "site": site, "customer_id": customer_id,
        "bng_id": None if bound is None else bound.target_id, "field": row["field"],
        "shop": row["shop"], "bng": row["bng"], "winner": row["winner"],
    }  # fmt: skip


async def _get_customer(bridge: Bridge, request: web.Request) -> Any:
    return await customer(bridge, request.match_info["mail"])


async def _get_conflicts(bridge: Bridge, request: web.Request) -> Any:
    return conflicts(bridge.store.read, int(request.query.get("limit", "100")))


ROUTES: tuple[Route, ...] = (("GET", "/customer/{mail}", _get_customer), ("GET", "/conflicts", _get_conflicts))
