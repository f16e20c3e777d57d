"""Stock as Magento counts it: physical quantity per source, and reservations for what is ordered, not shipped.

salable = quantity of all sources + reservations (which are negative while an order is open). A shipment
takes from the source and gives the reservation back, a cancellation only gives back.

A shop without Multi-Source Inventory has one quantity and no reservations, and its quantity is what can be sold: what is
reserved is taken off it at once, what is let go is put back, and so a shipment leaves it as it is.
"""

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from bridge_sandbox.catalogue import SOURCE_CODE
from bridge_sandbox.shop.session import Session

STOCK_ID = 1
K = TypeVar("K", bound=Hashable)


class NotEnoughStock(Exception):
    """A source has less than is to be shipped."""


def salable_quantity(session: Session, sku: str) -> Decimal:
    """What can still be sold of a SKU; 0 for an unknown one."""
    return Decimal(session.value("salable_quantity", sku, STOCK_ID, sku) or 0)


def are_salable(session: Session, quantities: Mapping[str, Decimal]) -> bool:
    """Whether all of this can be ordered now. Not locked: two buyers may both be told yes, as in Magento."""
    return all(salable_quantity(session, sku) >= quantity for sku, quantity in quantities.items())


def reserve(
    session: Session, quantities: Mapping[str, Decimal], event: str, increment_id: str, order_id: int | None
) -> None:
    """Append one reservation for each SKU, negative quantities reserve, positive ones let go."""
    if not quantities:
        return
    if not session.has_sources:
        put_onto_shelf(session, quantities)
        return
    metadata = reservation_metadata(event, increment_id, order_id)
    session.insert_many(
        "inventory_reservation",
        [
            {"stock_id": STOCK_ID, "sku": sku, "quantity": quantity, "metadata": metadata}
            for sku, quantity in sorted(quantities.items())
        ],
    )


def deduct(session: Session, quantities: Mapping[str, Decimal]) -> None:
    """Take from the source, inside the caller's transaction; raises `NotEnoughStock`.

    In the order of SKUs, so that two shipments never wait for each other crosswise.
    """
    if not session.has_sources:
        put_onto_shelf(session, negated(quantities))
        return
    for sku, quantity in sorted(quantities.items()):
        if not session.execute("deduct_source_item", quantity, SOURCE_CODE, sku, quantity):
            raise NotEnoughStock(sku)


def put_onto_shelf(session: Session, quantities: Mapping[str, Decimal]) -> None:
    """Give back to the source, in the order in which `deduct` takes; a source that no longer lists a SKU stays without."""
    for sku, quantity in sorted(quantities.items()):
        session.execute("return_source_item", quantity, SOURCE_CODE, sku)


def reservation_metadata(event: str, increment_id: str, order_id: int | None) -> str:
    """Why a quantity is reserved or let go, in the words of Magento's inventory."""
    fields: dict[str, Any] = {
        "event_type": event,
        "object_type": "order",
        "object_id": "" if order_id is None else str(order_id),
        "object_increment_id": increment_id,
    }
    return json.dumps(fields, separators=(",", ":"))


def merged(pairs: Iterable[tuple[K, Decimal]]) -> dict[K, Decimal]:
    """The quantities summed by their keys."""
    sums: defaultdict[K, Decimal] = defaultdict(Decimal)
    for key, quantity in pairs:
        sums[key] += quantity
    return dict(sums)


def negated(quantities: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The opposite movement."""
    return {sku: -quantity for sku, quantity in quantities.items()}
