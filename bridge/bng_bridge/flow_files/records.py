"""What a flow may write, and what it promises there.

How a record is named at its target, which writes exclude each other and how a lost one is found again is not a file's
business: it follows from the entry here, so a file cannot break it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bng_bridge.mapping.shapes import FLAG, INTEGER, TEXT, Shape

UPSERT, CREATE, UPDATE, CANCEL = "upsert", "create", "update", "cancel"
VERBS = (UPSERT, CREATE, UPDATE, CANCEL)


@dataclass(frozen=True)
class RecordKind:
    """`entity` is its word in target keys and operations. `events`: whose flows may write it. `takes`: what `with` has to
    say. `of_events`: in the flows of these `of` says for which source record it stands, and it is only made; elsewhere it is
    the event's own.
    `gives`: what every mapping of it is given. `body`: the document whose fields are written, or its own.
    `remembers`: what of the document its binding keeps.
    `is_replaceable`: it is made anew where the target has lost it, `instead_of` the lost one; or it is one that is there
    under another name, `adopt`. `merges_by`: both sides may edit it, compared by a mapping between these documents;
    `is_merged`: it is never written otherwise.
    """

    name: str
    entity: str
    verbs: tuple[str, ...]
    events: tuple[str, ...]
    about: str
    takes: Mapping[str, Shape]
    gives: Mapping[str, Shape]
    body: str | Shape
    of_events: tuple[str, ...] = ()
    needs_bound: bool = False
    is_replaceable: bool = False
    remembers: tuple[str, ...] = ()
    is_merged: bool = False
    merges_by: tuple[str, ...] = ()

    def verbs_in(self, event: str) -> tuple[str, ...]:
        """What a flow of this event may do: how a record is that is not the event's own, its own event tells."""
        return (CREATE,) if event in self.of_events else self.verbs

    @property
    def target(self) -> str:
        return "magento" if self.name.startswith("magento/") else "bng"


CUSTOMERS = ("magento/customer", "bng/customer")
_NAMED: Mapping[str, Shape] = {"external_id": TEXT, "is_create": Shape("flag")}

STATE = ("Sequence", "UpdatedAt")
"""By these one state of BNG's stock is told from an older one."""

RECORDS: Mapping[str, RecordKind] = {
    each.name: each
    for each in (
        RecordKind(
            "bng/customer", "customer", (UPSERT, CREATE, UPDATE), ("magento/order", "magento/customer"),
            "A customer, under the ExternalID of the shop's customer or guest.", {}, _NAMED, "bng/customer",
            of_events=("magento/order",), is_replaceable=True, merges_by=CUSTOMERS,
        ),
        RecordKind(
            "magento/customer", "shop_customer", (UPDATE,), ("bng/customer",),
            "The shop's customer behind BNG's: what BNG changed, over what the shop has now. One that the shop does not "
            "have is not made.", {}, {}, "magento/customer", is_merged=True, merges_by=CUSTOMERS,
        ),
        RecordKind(
            "bng/sales_order", "sales_order", (UPSERT, CREATE, UPDATE, CANCEL), ("magento/order",),
            "The sales order of the shop's order, under its ExternalID. `cancel` is a write of its own, made once.",
            {}, _NAMED, "bng/sales_order",
        ),
        RecordKind(
            "bng/shipment", "bng_shipment", (CREATE,), ("magento/shipment",),
            "What the shop's admin has shipped, posted once.", {}, _NAMED, "bng/shipment", needs_bound=True,
        ),
        RecordKind(
            "bng/invoice", "invoice", (CREATE,), ("magento/invoice",),
            "The shop's invoice, posted once. A later difference is a dead letter: a person corrects it by a reversal.",
            {}, _NAMED, "bng/invoice", needs_bound=True,
        ),
        RecordKind(
            "bng/credit_memo", "credit_memo", (CREATE,), ("magento/creditmemo",),
            "The shop's credit memo: an invoice of the type credit, posted once.", {}, _NAMED, "bng/invoice",
            needs_bound=True,
        ),
        RecordKind(
            "bng/payment", "payment", (CREATE,), ("magento/invoice", "magento/creditmemo"),
            "What was captured with the invoice, or paid back with the credit memo: posted once.", {}, _NAMED, "bng/payment",
            needs_bound=True,
        ),
        RecordKind(
            "bng/gl_entry", "gl_entry", (CREATE,), ("magento/invoice", "magento/creditmemo"),
            "A balanced ledger entry for the document, posted once for each `posting`.", {"posting": TEXT}, _NAMED,
            "bng/gl_entry", needs_bound=True,
        ),
        RecordKind(
            "magento/shipment", "shipment", (CREATE,), ("bng/shipment",),
            "The shop's shipment, found again by a line of its comment: BNG shipment ID, one for each of `parts`.",
            {}, {}, "magento/ship", needs_bound=True,
        ),
        RecordKind(
            "magento/invoice", "shop_invoice", (CREATE,), ("bng/invoice",),
            "The shop's invoice, found again by a line of its comment: BNG invoice ID.", {}, {}, "magento/invoice_order",
            needs_bound=True,
        ),
        RecordKind(
            "magento/creditmemo", "shop_creditmemo", (CREATE,), ("bng/invoice",),
            "The shop's credit memo, found again by a line of its comment: BNG credit ID. No money is moved.", {}, {},
            "magento/refund_order", needs_bound=True,
        ),
        RecordKind(
            "magento/order_status", "order_status", (UPSERT,), ("bng/sales_order",),
            "What BNG says of the order: a comment, and hold, release or cancel where the status means it.",
            {}, {}, Shape("object", "order_status", {"OrderStatus": INTEGER}, {"OrderStatus"}), needs_bound=True,
        ),
        RecordKind(
            "magento/source_item", "source_item", (UPSERT,), ("bng/inventory_item",),
            "The quantity that a source of the shop has. It changes a record that is there without us.",
            {"sku": TEXT, "source_code": TEXT}, {}, "magento/source_item", remembers=STATE,
        ),
        RecordKind(
            "magento/stock_item", "stock_item", (UPDATE,), ("bng/inventory_item",),
            "The one quantity of a product, in a shop without sources. It changes a record that is there without us.",
            {"sku": TEXT}, {}, "magento/stock_item", remembers=STATE,
        ),
        RecordKind(
            "magento/product", "product", (UPSERT,), ("bng/product",),
            "The shop's product of that SKU: what the mapping names, for the store view `store`, or `all` of "
            "them. Only what differs is sent, and it is read back. Never deleted.",
            {"store": TEXT}, {"is_create": Shape("flag")}, "magento/product",
        ),
    )
}  # fmt: skip

ENTITIES = (*(each.entity for each in RECORDS.values()), "cancellation")
"""The words of the operations `binding` and `open_write`."""

RESULT = Shape("object", "the result", {"id": TEXT, "action": TEXT, "is_owed": FLAG})
"""Under a write's name: the id at the target; created, updated, unchanged, resolved, or outdated: BNG showed an older state
than the one that was applied. Of a merge, whether the other side is still to be told of something. Null where nothing was
written."""
