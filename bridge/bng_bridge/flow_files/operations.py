"""What a flow may ask: named reads for `call`. They write nothing, so that running a flow again is harmless.

This is their catalogue, which files are checked against; what they do is in bng_bridge.flows.operations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bng_bridge.mapping.findings import Position
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.shapes import DATE, FLAG, INTEGER, NUMBER, OBJECT, TEXT, Shape, list_of

WORD = Shape("word")
"""An argument that is a record's word, written as it stands: sales_order, cancellation …"""

Described = Shape | str | Mapping[str, Shape | str]
"""A shape, or the name of a document, with [] behind it for a list of them; or fields that are such."""


@dataclass(frozen=True)
class Operation:
    """`takes`: the arguments, all of which must be given. `gives`: what stands under the step's name; it may be null.
    `needs_site`: it asks the shop, or the site's table. A sales order that came from no shop has neither.
    """

    name: str
    about: str
    takes: Mapping[str, Described]
    gives: Described
    needs_bound: bool = False
    needs_site: bool = False


def _object(name: str, **fields: Shape) -> Shape:
    return Shape("object", name, fields)


OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for each in (
        Operation(
            "binding", "What a record of ours is at its target: its id there. Null while it was not written. "
            "`id` is the source record's: of an order, a customer or a guest, a BNG shipment.",
            {"record": WORD, "id": TEXT}, _object("the binding", id=TEXT, version=TEXT, facts=OBJECT),
        ),
        Operation(
            "open_write", "Whether a write of that record has an unknown outcome at this moment.",
            {"record": WORD, "id": TEXT}, FLAG,
        ),
        Operation(
            "buyer", "Whose order it is at BNG. `customer_id` is BNG's: of an order without a customer the one that it was "
            "sold to before, or generic_customer_id; else null, and `source_id` is the shop's customer, or the guest's key "
            "by guest_policy.",
            {"order": "magento/order"}, _object("the buyer", customer_id=TEXT, source_id=TEXT), needs_site=True,
        ),
        Operation(
            "export_rule", "Which rule of [sites.NAME.export] says what becomes of an order, by state and payment method: "
            "`rule`, `action` (send, hold or skip) and, of a hold, `at_most`. Null where none fits: it is sent.",
            {"order": "magento/order"}, _object("what becomes of it", rule=TEXT, action=TEXT, at_most=TEXT), needs_site=True,
        ),
        Operation(
            "buyer_behind", "Who in the shop stands behind a CustomerID of BNG, or else who bought: for making it anew.",
            {"order": "magento/order", "customer_id": TEXT}, _object("the buyer", customer_id=TEXT, source_id=TEXT),
            needs_site=True,
        ),
        Operation(
            "is_deleted", "Whether the last that was told of a customer of the shop is that it was deleted.",
            {"id": TEXT}, FLAG,
        ),
        Operation(
            "is_on", "Whether a switched flow is on for the site: `bridgectl flow on`.", {"flow": TEXT}, FLAG,
            needs_site=True,
        ),
        Operation(
            "shop_customer", "A customer of the shop as the shop has it; null when it is gone.", {"id": TEXT},
            "magento/customer", needs_site=True,
        ),
        Operation(
            "match", "Which customer of BNG's is this one of the shop, while none is bound and none has its ExternalID: "
            "`id` of the only one with the same e-mail that belongs to nobody yet, null where there is none. `is_ambiguous` "
            "when there are several, `others`, or several in the shop's websites.",
            {"customer": "magento/customer"}, _object("the match", id=TEXT, is_ambiguous=FLAG, others=TEXT), needs_site=True,
        ),
        Operation(
            "newest_transaction", "The id at the payment provider of an order's newest capture or authorization, asked of "
            "the shop. Null where there is none.",
            {"order_id": INTEGER}, TEXT, needs_site=True,
        ),
        Operation(
            "shop_documents", "What the shop has made of an order, of the kinds whose flows are on for the site: invoices, "
            "credit memos, and shipments but those that came from BNG. Nobody is asked while the order shows none.",
            {"order": "magento/order"},
            {"invoices": "magento/invoice[]", "shipments": "magento/shipment[]", "creditmemos": "magento/creditmemo[]"},
            needs_site=True,
        ),
        Operation(
            "lines_shipped", "The `Lines` of the sales order that a shipment of the shop's admin took, and the `Warehouse` "
            "of BNG's that its source shows. A row that is on no line is a dead letter.",
            {"shipment": "magento/shipment", "sales_order": "bng/sales_order", "order": "magento/order"},
            "bng/shipment", needs_site=True,
        ),
        Operation(
            "entry_day", "On which day the document's entry is posted: that of the entry where there is one, else `day`.",
            {"posting": TEXT, "day": DATE}, DATE, needs_bound=True,
        ),
        Operation("next_period", "The first day of the month after a day: where a closed period's entries go.",
                  {"day": DATE}, DATE),
        Operation("bng_invoice", "An invoice as BNG has it; null when it is gone.", {"id": TEXT}, "bng/invoice"),
        Operation(
            "invoice_of", "BNG's invoice that a credit memo of the shop applies to: that of the shop's invoice where the "
            "memo names one; else the order's oldest that has as much left to be credited. Null while there is none.",
            {"creditmemo": "magento/creditmemo"}, "bng/invoice", needs_bound=True,
        ),
        Operation("sales_order", "A sales order as BNG has it; null when it is gone.", {"id": TEXT}, "bng/sales_order"),
        Operation(
            "origin", "Where a sales order without a binding comes from. `lost_by`: the site that lost the order when it "
            "was restored. `is_ours`: its ExternalID is one that a site of ours gives to an order.",
            {"sales_order": "bng/sales_order"}, _object("the origin", lost_by=TEXT, is_ours=FLAG),
        ),
        Operation(
            "shop_order", "The shop's order behind the sales order, as the shop has it; null when it is gone. When another "
            "order has its id now, the site is held.",
            {}, "magento/order", needs_bound=True,
        ),
        Operation(
            "status_in_shop", "What BNG's status means to the shop: `code` in BNG's words, `label` for people, `is_known` "
            "when the shop's order says the same already. A status that the profile does not know is a dead letter.",
            {"sales_order": "bng/sales_order", "order": "magento/order"},
            _object("the status", code=INTEGER, label=TEXT, is_known=FLAG),
        ),
        Operation(
            "to_ship", "Which rows of the shop's order a shipment ships, and how many: `items`, empty while it completes no "
            "set of a bundle. `parts`: BNG's shipments that it stands for, itself and those that waited for it.",
            {"shipment": "bng/shipment", "sales_order": "bng/sales_order", "order": "magento/order"},
            {"items": "magento/ship_item[]", "parts": "bng/shipment[]"}, needs_bound=True,
        ),
        Operation(
            "to_invoice", "Which rows of the shop's order an invoice bills, and how many: `items`. `freight_sku` is what "
            "its freight line is called. `done-before` when the shop has invoiced all of these rows, `less-left-to-invoice` "
            "when some, `amounts-differ` when BNG bills other goods or prices than were sold.",
            {
                "invoice": "bng/invoice", "sales_order": "bng/sales_order", "order": "magento/order", "freight_sku": TEXT,
            },
            {"items": "magento/ship_item[]"}, needs_bound=True,
        ),
        Operation(
            "to_refund", "Which rows of the shop's order a credit memo takes back, and how many: `items`; how much freight, "
            "without tax: `shipping_amount`; and `adjustment`, what is given (above 0) or kept (below) beside these, so "
            "that it is BNG's Total to the cent. `less-left-to-refund`, or `amounts-differ` for what Magento is not told.",
            {"credit": "bng/invoice", "sales_order": "bng/sales_order", "order": "magento/order", "freight_sku": TEXT},
            {"items": "magento/ship_item[]", "shipping_amount": NUMBER, "adjustment": NUMBER}, needs_bound=True,
        ),
        Operation(
            "has_product", "Whether the shop's catalogue has a product of that SKU.", {"sku": TEXT}, FLAG, needs_site=True,
        ),
        Operation(
            "inventory_item", "BNG's stock of a SKU in a warehouse; null where it keeps none.",
            {"sku": TEXT, "warehouse": TEXT}, "bng/inventory_item",
        ),
        Operation(
            "has_sources", "Whether the shop has Multi-Source Inventory: without its modules a product has one quantity, "
            "and no source.",
            {}, FLAG, needs_site=True,
        ),
        Operation(
            "stock_for_shop", "BNG's stock of a SKU in a warehouse, `item`, and what the shop counts otherwise, by the "
            "site's stock_policy. `not_shipped_in_shop` (physical): shipped by BNG, not yet in the shop. `taken` "
            "(compensate): in open orders of the shop, and no longer available at BNG for that reason. `reserved` (only "
            "without sources): in open orders of the shop, known to BNG or not. Null where BNG keeps no stock. What moves "
            "while it is read makes the event wait for a moment.",
            {"sku": TEXT, "warehouse": TEXT},
            {"item": "bng/inventory_item", "not_shipped_in_shop": NUMBER, "taken": NUMBER, "reserved": NUMBER},
            needs_site=True,
        ),
        Operation(
            "shipped_not_in_shop", "How much of a SKU BNG has shipped from a warehouse for orders of the site, and the shop "
            "does not show as shipped. Read it after on hand: what is shipped in between then counts twice, never not at "
            "all.",
            {"sku": TEXT, "warehouse": TEXT}, NUMBER,
        ),
    )
}  # fmt: skip


def shape_of(described: Described, schemas: Schemas, at: Position) -> Shape:
    """The shape that a catalogue entry means."""
    if isinstance(described, Shape):
        return described
    if isinstance(described, str):
        found = schemas.find(described.removesuffix("[]"), at, is_target=False)
        return list_of(found) if described.endswith("[]") else found
    return Shape("object", "", {name: shape_of(each, schemas, at) for name, each in described.items()})
