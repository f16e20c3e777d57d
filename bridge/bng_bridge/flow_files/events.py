"""What starts a flow: the events that a file may name under `on`, and what each of them brings."""

from collections.abc import Mapping
from dataclasses import dataclass

from bng_bridge.mapping.findings import Position
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.shapes import FLAG, INTEGER, OBJECT, SCALARS, TEXT, TIME, Shape, list_of

SNAPSHOT, TOMBSTONE = "snapshot", "tombstone"


@dataclass(frozen=True)
class EventKind:
    """`source` and `entity` are the inbox's words for it; `lane` is what the capture orders it by.

    `has_bound`: the event is about a sales order, and brings the shop's order that it belongs to. `of_customer`: the same of
    a customer of a shop. `of_sites`: it concerns every site that the file says, and its steps run once for each.
    """

    name: str
    source: str
    entity: str
    kinds: tuple[str, ...]
    lane: str
    about: str
    has_bound: bool = False
    of_sites: bool = False
    of_customer: bool = False
    own_fields: tuple[str, ...] = ()

    @property
    def bound(self) -> Shape | None:
        """The shape of `bound` in its flows, where they have one."""
        return BOUND if self.has_bound else BOUND_CUSTOMER if self.of_customer else None

    @property
    def root(self) -> str:
        """What expressions call the document."""
        return self.name.rpartition("/")[2]

    def document(self, schemas: Schemas, at: Position) -> Shape:
        shape = schemas.find(self.name, at, is_target=False)
        if not self.own_fields:
            return shape
        return Shape("object", f"what is told of {self.name}", {each: shape.fields[each] for each in self.own_fields})


EVENTS: Mapping[str, EventKind] = {
    each.name: each
    for each in (
        EventKind(
            "magento/order", "magento", "order", (SNAPSHOT, TOMBSTONE), "order",
            "an order was placed or changed, or something of it: an invoice, a shipment, a comment",
        ),
        EventKind(
            "magento/customer", "magento", "customer", (SNAPSHOT, TOMBSTONE), "customer",
            "a customer was made, changed, or deleted: then of the kind tombstone",
        ),
        EventKind(
            "magento/invoice", "magento", "invoice", (), "order",
            "an invoice of the shop, made known by the flow of its order; read from the shop when the flow begins",
            has_bound=True,
        ),
        EventKind(
            "magento/shipment", "magento", "shipment", (), "order",
            "a shipment of the shop's admin, made known by the flow of its order; read when the flow begins", has_bound=True,
        ),
        EventKind(
            "magento/creditmemo", "magento", "creditmemo", (), "order",
            "a credit memo of the shop, made known by the flow of its order; read when the flow begins", has_bound=True,
        ),
        EventKind(
            "bng/shipment", "bng", "shipment", (), "order",
            "BNG shipped; the document is read from BNG when the flow begins, null when it is gone", has_bound=True,
        ),
        EventKind(
            "bng/sales_order", "bng", "sales_order", (), "order",
            "a sales order changed at BNG; the document is read when the flow begins, null when it is gone", has_bound=True,
        ),
        EventKind(
            "bng/customer", "bng", "customer", (), "customer",
            "a customer changed at BNG; the document is read when the flow begins, null when it is gone", of_customer=True,
        ),
        EventKind(
            "bng/invoice", "bng", "invoice", (), "order",
            "BNG made an invoice or a credit memo (`Type`); the document is read when the flow begins, null when it is gone",
            has_bound=True,
        ),
        EventKind(
            "bng/inventory_item", "bng", "stock", (), "stock",
            "a quantity on hand changed; only SKU and Warehouse are told, the rest is read", of_sites=True,
            own_fields=("SKU", "Warehouse"),
        ),
    )
}  # fmt: skip

EVENT = Shape(
    "object", "event", {"id": TEXT, "kind": TEXT, "number": INTEGER, "attempts": INTEGER, "is_requeued": FLAG}
)
"""`event` in expressions: the record's id, the kind, the number in the inbox, attempts so far."""

BOUND = Shape("object", "bound", {"order_id": TEXT, "sales_order_id": TEXT})
"""`bound` in expressions: the shop's order and its sales order at BNG; null while that is not bound."""

BOUND_CUSTOMER = Shape("object", "bound", {"customer_id": TEXT})
"""The same for customers: the shop's customer; null for one that no shop has an account of."""

SITE = Shape(
    "object", "site",
    {
        "name": TEXT, "time_zone": TEXT, "go_live_at": TIME, "guest_policy": TEXT, "generic_customer_id": TEXT,
        "offline_methods": list_of(TEXT), "sources": OBJECT, "stock_policy": TEXT, "backorders": FLAG,
    },
)  # fmt: skip
"""`site` in expressions: the site's table of bridge.toml. Null where a sales order came from no site."""

FAILURE = Shape("object", "error", dict.fromkeys(("kind", "problem", "pointer", "entity", "message"), SCALARS["text"]))
"""`error` in the steps of a `catch`."""
