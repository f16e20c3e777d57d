"""What a flow may have looked at next: `emit` stores a hint of one of these events with the commit that closes the flow."""

from collections.abc import Mapping
from dataclasses import dataclass

from bng_bridge.mapping.shapes import OBJECT, TEXT, Shape, list_of


@dataclass(frozen=True)
class EmitKind:
    event: str
    takes: Mapping[str, Shape]
    about: str


EMITS: Mapping[str, EmitKind] = {
    each.event: each
    for each in (
        EmitKind(
            "bng/inventory_item", {"skus": list_of(TEXT), "warehouse": TEXT},
            "The stock of these SKUs in a warehouse, each once.",
        ),
        EmitKind("bng/customer", {"id": TEXT}, "A customer, as BNG has it."),
        EmitKind("bng/sales_order", {"id": TEXT}, "A sales order's status."),
        EmitKind("bng/shipment", {"id": TEXT, "sales_order_id": TEXT}, "A shipment of BNG's."),
        *(
            EmitKind(event, {"documents": list_of(OBJECT)}, "Documents of the order, each once in each state.")
            for event in ("magento/invoice", "magento/shipment", "magento/creditmemo")
        ),
    )
}  # fmt: skip
