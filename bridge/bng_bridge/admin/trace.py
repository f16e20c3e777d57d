"""One order's way, hop by hop with times; or what it waits for and why."""

import sqlite3
from typing import Any

from aiohttp import web

from bng_bridge import bindings, inbox, intents
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.flows.context import Context
from bng_bridge.flows.keys import sales_order_key, shipment_key
from bng_bridge.magento.transport import GatewayTransport
from bridge_common.errors import BridgeError


async def trace(bridge: Bridge, order: str, site: str | None) -> dict[str, Any]:
    """`order` is an increment id or an entity id. {"found": false, "waits": why} for one that never arrived."""
    context, read = bridge.context, bridge.store.read
    matches = [row for row in inbox.select(read, "find_order", order=order) if site in (None, row["site"])]
    if not matches:
        return {"order": order, "found": False, "waits": await _look_in_shops(context, bridge.gateways, order)}
    row = matches[0]
    events = [_event(read, event) for event in inbox.select(
        read, "of_entity", source="magento", entity="order", entity_id=row["entity_id"], site=row["site"])]  # fmt: skip
    bound = bindings.get(read, sales_order_key(row["site"], row["entity_id"]))
    sales_order = await _sales_order(context, bound)
    return {
        "order": row["increment_id"],
        "entity_id": row["entity_id"],
        "site": row["site"],
        "found": True,
        "events": events,
        "sales_order": sales_order,
        "shipments": await _shipments(context, read, row["site"], sales_order),
        "waits": _waits(read, row["site"], row["entity_id"], events),
        "also_in": [other["site"] for other in matches[1:] if other["site"] != row["site"]],
    }


async def _get_trace(bridge: Bridge, request: web.Request) -> Any:
    return await trace(bridge, request.match_info["order"], request.query.get("site"))


ROUTES: tuple[Route, ...] = (("GET", "/trace/{order:.+}", _get_trace),)


def _event(read: sqlite3.Connection, event: sqlite3.Row) -> dict[str, Any]:
    times = ("committed_at", "captured_at", "published_at", "stored_at", "settled_at")
    fields = ("seq", "event_key", "kind", "edited_by", "state", "reason", "hint", "attempts", "run_at", *times)
    attempts = [dict(row) for row in inbox.select(read, "attempts", seq=event["seq"])]
    steps = [dict(row) for row in inbox.select(read, "steps", seq=event["seq"])]
    return {**{name: event[name] for name in fields}, "attempt_log": attempts, "steps": steps}


async def _sales_order(context: Context, bound: bindings.Binding | None) -> dict[str, Any] | None:
    """BNG's record as it is now, or what was remembered when BNG does not answer."""
    if bound is None:
        return None
    known = {"SalesOrderID": bound.target_id, **bound.facts, "written_at": bound.bound_at}
    try:
        now = await context.bng.get(f"sales-orders/{bound.target_id}")
    except BridgeError as error:
        return {**known, "as_of": bound.applied_at, "note": error.message}
    names = ("OrderStatus", "AllocationStatus", "Total", "CreatedAt", "UpdatedAt")
    return {**known, **{name: now[name] for name in names if now and name in now}}


async def _shipments(
    context: Context, read: sqlite3.Connection, site: str, sales_order: dict[str, Any] | None
) -> list[dict[str, Any]]:
    if sales_order is None:
        return []
    try:
        found = await context.bng.search("shipments", sales_order_id=sales_order["SalesOrderID"])
    except BridgeError:
        return []
    return [_shipment(read, site, shipment) for shipment in found]


def _shipment(read: sqlite3.Connection, site: str, shipment: dict[str, Any]) -> dict[str, Any]:
    bound = bindings.get(read, shipment_key(site, shipment["ShipmentID"]))
    waiting = inbox.select(
        read, "of_entity", source="bng", entity="shipment", entity_id=shipment["ShipmentID"], site=""
    )
    last = waiting[-1] if waiting else None
    return {
        "ShipmentID": shipment["ShipmentID"],
        "TrackingNumbers": shipment.get("TrackingNumbers") or [],
        "CreatedAt": shipment["CreatedAt"],
        "magento_id": bound.target_id if bound else None,
        "shipped_at": bound.bound_at if bound else None,
        "state": last["state"] if last is not None else "not announced yet",
        "reason": last["reason"] if last is not None else "",
    }


def _waits(read: sqlite3.Connection, site: str, entity_id: str, events: list[dict[str, Any]]) -> str:
    intent = intents.get(read, sales_order_key(site, entity_id))
    if intent is not None:
        return f"the outcome of a write is unknown; it is looked up at BNG until {intent.quiet_until}"
    last = next((event for event in reversed(events) if event["state"] != "superseded"), None)
    if last is None or last["state"] in ("done", "skipped", "discarded"):
        return ""
    if last["state"] == "dead":
        return f"dead letter {last['seq']}: {last['reason']}. {last['hint']}".strip()
    return f"{last['state']}, next attempt {last['run_at']}: {last['reason'] or 'its turn'}"


async def _look_in_shops(context: Context, gateways: dict[str, GatewayTransport], order: str) -> str:
    """Not in the inbox: is it in a shop at all, and is that shop's outbox waiting?"""
    notes = []
    for site, client in context.magento.items():
        try:
            found = await client.search("/V1/orders", increment_id=order)
            outbox = await gateways[site].ask("outbox")
        except BridgeError as error:
            notes.append(f"{site} cannot be asked: {error.message}")
            continue
        rows, oldest_s = outbox.get("outbox_rows"), outbox.get("outbox_oldest_s")
        where = "has the order" if found else "has no such order"
        notes.append(f"{site} {where}; {rows} outbox rows wait, the oldest since {oldest_s or 0} s")
    return "; ".join(notes)
