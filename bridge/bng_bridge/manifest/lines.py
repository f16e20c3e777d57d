"""A record of a shop in one line: what the manifest compares. Pure; the same from a list and from a stored snapshot.

A line has two digests. `seen` covers what a snapshot shows as well, so that it can be compared with the newest one
stored. `parts` covers what a snapshot does not show: shipments, their tracks, invoices, credit memos; of them it is known
when they changed. `updated_at` is in neither: it moves when an e-mail was sent, and stays when an address was edited.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bng_bridge.mapping.money import amount, cents, text
from bridge_common import decimal_json
from bridge_common.magento_time import from_magento

_ADDRESS = "firstname,lastname,company,street,city,region,postcode,country_id,telephone,vat_id"
ORDER_FIELDS = (
    "entity_id,increment_id,created_at,updated_at,state,status,store_id,grand_total,order_currency_code,"
    f"base_grand_total,base_currency_code,billing_address[{_ADDRESS}],status_histories[entity_id],"
    f"extension_attributes[shipping_assignments[shipping[address[{_ADDRESS}]]]]"
)
"""What a line needs of an order; and of the others:"""
CUSTOMER_FIELDS = (
    "id,created_at,updated_at,email,firstname,lastname,group_id,taxvat,default_billing,default_shipping,"
    f"addresses[id,{_ADDRESS}]"
)
PART_FIELDS = "entity_id,order_id,created_at,updated_at"
SHIPMENT_FIELDS = f"{PART_FIELDS},tracks[entity_id,created_at,updated_at]"


@dataclass(slots=True)
class Parts:
    """What an order has beside its own document: by kind how many and the highest id, and when the newest changed."""

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    changed_at: datetime | None = None

    def add(self, kind: str, item: dict[str, Any]) -> None:
        """A shipment, with its tracks; an invoice; a credit memo."""
        count, highest = self.counts.get(kind, (0, 0))
        self.counts[kind] = count + 1, max(highest, int(item["entity_id"]))
        times = [from_magento(item[name]) for name in ("created_at", "updated_at") if item.get(name)]
        self.changed_at = max([*times, *filter(None, [self.changed_at])], default=None)
        for track in item.get("tracks") or []:
            self.add("tracks", track)


@dataclass(frozen=True, slots=True)
class Line:
    """`name` is what people call it, `total` decimal text in `currency`, both empty for a customer."""

    entity: str
    entity_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    seen: str
    parts: str = ""
    changed_at: datetime | None = None
    total: str = ""
    currency: str = ""

    @property
    def digest(self) -> str:
        return f"{self.seen}/{self.parts}"

    def day(self, time_zone: str) -> str:
        return self.created_at.astimezone(ZoneInfo(time_zone)).date().isoformat()


def order_line(order: dict[str, Any], parts: Parts) -> Line:
    """Raises KeyError, TypeError or ValueError for what is no order."""
    return Line(
        entity="order",
        entity_id=str(order["entity_id"]),
        name=str(order["increment_id"]),
        created_at=from_magento(order["created_at"]),
        updated_at=from_magento(order["updated_at"]),
        seen=_order_seen(order),
        parts=_digest([parts.counts, str(parts.changed_at)]) if parts.counts else "",
        changed_at=parts.changed_at,
        total=text(cents(amount(order, "grand_total"))),
        currency=str(order.get("order_currency_code") or ""),
    )


def customer_line(customer: dict[str, Any]) -> Line:
    """Raises KeyError, TypeError or ValueError for what is no customer."""
    return Line(
        entity="customer",
        entity_id=str(customer["id"]),
        name=str(customer["email"]),
        created_at=from_magento(customer["created_at"]),
        updated_at=from_magento(customer["updated_at"]),
        seen=_customer_seen(customer),
    )


def seen_in(entity: str, snapshot: dict[str, Any]) -> str:
    """`seen` of the line that a list would show of this snapshot."""
    return _order_seen(snapshot) if entity == "order" else _customer_seen(snapshot)


def _order_seen(order: dict[str, Any]) -> str:
    plain = ("increment_id", "created_at", "state", "status", "store_id", "order_currency_code", "base_currency_code")
    totals = ("grand_total", "base_grand_total")
    assignments = (order.get("extension_attributes") or {}).get("shipping_assignments") or []
    shipping = [((each.get("shipping") or {}).get("address")) for each in assignments]
    comments = [int(each["entity_id"]) for each in order.get("status_histories") or []]
    return _digest(
        [
            _texts(order, plain),
            [amount(order, name) for name in totals],
            [_address(each) for each in (order.get("billing_address"), *shipping)],
            [len(comments), max(comments, default=0)],
        ]
    )


def _customer_seen(customer: dict[str, Any]) -> str:
    plain = ("email", "firstname", "lastname", "group_id", "taxvat", "default_billing", "default_shipping")
    addresses = sorted(customer.get("addresses") or [], key=lambda each: int(each["id"]))
    return _digest([_texts(customer, plain), [[each["id"], _address(each)] for each in addresses]])


def _address(address: dict[str, Any] | None) -> list[Any]:
    """Order documents hold the region as text, customer documents as an object."""
    found = dict(address or {})
    region = found.pop("region", None)
    named = region.get("region") if isinstance(region, dict) else region
    street = [str(line or "") for line in found.pop("street", None) or []]
    return [*_texts(found, _ADDRESS.split(",")), named or "", street]


def _texts(document: dict[str, Any], names: Iterable[str]) -> list[str]:
    """REST leaves out what is null or, in other places, does not."""
    return ["" if document.get(name) is None else str(document[name]) for name in names]


def _digest(content: Any) -> str:
    """Half of SHA-256 is enough to tell two states of one record apart."""
    return hashlib.sha256(decimal_json.canonical(content).encode()).hexdigest()[:32]
