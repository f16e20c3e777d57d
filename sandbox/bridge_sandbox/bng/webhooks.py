"""Webhooks waiting to be sent: who wants them, and the outbox that is written with the change itself.

A webhook names the record that changed and carries no content: {"type", "timestamp", "data": {ids, Version, UpdatedAt}}.
While paused nothing is written, so those changes are never announced.
"""

import json
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from bridge_sandbox.bng.entities import CUSTOMER, INVENTORY_ITEM, INVOICE, PAYMENT, PRODUCT, SALES_ORDER, SHIPMENT
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.problems import invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

TYPES: dict[str, Entity] = {
    "inventory_updated": INVENTORY_ITEM,
    "order_status_changed": SALES_ORDER,
    "shipment_created": SHIPMENT,
    "invoice_created": INVOICE,
    "payment_posted": PAYMENT,
    "customer_updated": CUSTOMER,
    "product_updated": PRODUCT,
}
"""Each with the entity whose record it is about."""

HINTS = ("ExternalID", "SalesOrderID", "InvoiceID", "SKU", "Warehouse", "Sequence", "Version", "UpdatedAt")


@dataclass(frozen=True)
class Message:
    """A webhook on its way: its row, its stable id, where it goes and how often it has been tried."""

    n: int
    message_id: str
    url: str
    secret: str
    body: str
    attempts: int

    def signed_with(self, secret: str) -> "Message":
        """The same in another's name."""
        return replace(self, secret=secret)


def announce(work: Work, kind: str, record: Record) -> None:
    """Put a webhook of one of the TYPES about this record into the outbox of everyone who wants it."""
    urls = wanted_by(work, kind)
    if not urls or is_paused(work):
        return
    hints = {name: record[name] for name in HINTS if record.get(name) is not None}
    id_field = TYPES[kind].id_field
    data = {id_field: record[id_field]} | hints
    body = json.dumps({"type": kind, "timestamp": work.at, "data": data}, separators=(",", ":"))
    message_id = f"msg_{uuid.uuid4().hex}"
    work.db.executemany(
        "INSERT INTO webhook_outbox (message_id, url, body, due_s) VALUES (?, ?, ?, 0)",
        [(message_id, url, body) for url in urls],
    )
    work.store.outbox_grew.set()


def wanted_by(work: Work, kind: str) -> list[str]:
    """The URLs subscribed to this type; one that subscribed by itself hears what it asked for, while that lives."""
    rows = work.db.execute("SELECT url, types FROM subscriptions WHERE active").fetchall()
    heard: dict[str, list[str]] = {}
    for url, each, until_s in work.db.execute("SELECT url, kind, until_s FROM hearings"):
        heard.setdefault(url, []).extend([each] if until_s > time.time() else [])
    return [url for url, types in rows if kind in heard.get(url, json.loads(types or "null") or TYPES)]


def subscribe(work: Work, url: str, secret: str, types: list[str] | None, *, is_standard: bool = True) -> None:
    """Send webhooks of these types (None: all) to the URL, signed with the secret; replaces what it had.

    Raises Problem if the secret cannot sign as Standard Webhooks do.
    """
    try:
        if is_standard:
            Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise invalid([("/secret", "is not whsec_ and base64")]) from error
    work.db.execute(
        "INSERT INTO subscriptions (url, secret, types, active) VALUES (?, ?, ?, 1) ON CONFLICT (url) DO UPDATE"
        " SET secret = excluded.secret, types = excluded.types, active = 1",
        (url, secret, None if types is None else json.dumps(types)),
    )


def disable(work: Work, url: str) -> None:
    """Send nothing more to the URL, not even what is waiting; it can be subscribed again."""
    work.db.execute("UPDATE subscriptions SET active = 0 WHERE url = ?", (url,))
    work.db.execute("DELETE FROM webhook_outbox WHERE url = ?", (url,))


def let_die(work: Work) -> None:
    """What clients have subscribed to themselves has come to its end, as after days without renewal."""
    work.db.execute("UPDATE hearings SET until_s = 0")


def pause(work: Work, *, paused: bool) -> None:
    """Stop or resume announcing; what is in the outbox already is still sent."""
    work.db.execute(
        "INSERT INTO switches (name, state) VALUES ('paused', ?)"
        " ON CONFLICT (name) DO UPDATE SET state = excluded.state",
        (paused,),
    )


def is_paused(work: Work) -> bool:
    """Whether announcing is paused; a restart keeps it so."""
    row = work.db.execute("SELECT state FROM switches WHERE name = 'paused'").fetchone()
    return row is not None and bool(row[0])


def describe(work: Work) -> dict[str, Any]:
    """{"paused", "subscriptions": [{"url", "types", "active"}], "pending": how many are not yet delivered}."""
    rows = work.db.execute("SELECT url, types, active FROM subscriptions ORDER BY url").fetchall()
    (pending,) = work.db.execute("SELECT count(*) FROM webhook_outbox").fetchone()
    return {
        "paused": is_paused(work),
        "subscriptions": [
            {"url": url, "types": types and json.loads(types), "active": bool(active)} for url, types, active in rows
        ],
        "pending": pending,
    }
