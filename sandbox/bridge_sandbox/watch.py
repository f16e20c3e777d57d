"""Waiting for what a stage must come to, each wait with a deadline; for tests and measurements."""

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.book import Book, Comparison, compare, shop_shipments, source_quantities
from bridge_sandbox.process import WaitedInVain, wait_until
from bridge_sandbox.stage import Stage

ARRIVAL_S = 20.0
SETTLING_S = 45.0


def compare_books(stage: Stage, site: str | None = None) -> Comparison:
    """Both books as they stand, for one site."""
    name = site or stage.site
    return compare(stage.shops[name].book(), stage.bng.book(), site=name)


def wait_for_sales_order(
    stage: Stage, order: JsonObject, *, site: str | None = None, timeout_s: float = ARRIVAL_S
) -> Book:
    """The sales order of an order that `checkout` returned."""
    external_id = f"{site or stage.site}-{order['order_id']}"

    def find() -> Book | None:
        found: list[Book] = stage.bng.book()["sales_orders"]
        return next((record for record in found if record["ExternalID"] == external_id), None)

    return found_value(wait_until(f"sales order {external_id}", find, timeout_s=timeout_s))


def wait_for_shop_shipment(stage: Stage, shipment: JsonObject, *, timeout_s: float = ARRIVAL_S) -> Book:
    """The shop's shipment that shows all the tracking numbers of BNG's."""
    number, wanted = shipment["ShipmentID"], set(shipment["TrackingNumbers"])

    def find() -> Book | None:
        found = shop_shipments(stage.shop.book()).get(number, [])
        return next((each for each in found if wanted <= {track["track_number"] for track in each["tracks"]}), None)

    return found_value(wait_until(f"shipment {number} in the shop", find, timeout_s=timeout_s))


def wait_for_shop_stock(
    stage: Stage, sku: str, quantity: int, *, site: str | None = None, timeout_s: float = ARRIVAL_S
) -> None:
    shop = stage.shops[site or stage.site]
    wait_until(
        f"{quantity} {sku} in the shop",
        lambda: source_quantities(shop.book()).get(sku) == quantity,
        timeout_s=timeout_s,
    )


def wait_until_settled(stage: Stage, *, timeout_s: float = SETTLING_S) -> Comparison:
    """Everything has arrived, nothing is under way, and then still nothing is lost or there twice.

    Raises WaitedInVain with what is lost or duplicated.
    """
    try:
        wait_until(
            "both books to agree and nothing to be under way",
            lambda: compare_books(stage).is_complete and stage.is_idle() and compare_books(stage).is_complete,
            timeout_s=timeout_s,
            poll_s=0.2,
        )
    except WaitedInVain as error:
        now = compare_books(stage)
        findings = "\n".join((*now.lost, *now.duplicated)) or f"idle: {stage.is_idle()}"
        raise WaitedInVain(f"{error}\n{findings}\n{now}") from None
    return compare_books(stage)


def found_value(record: Book | None) -> Book:
    """`wait_until` returns only what is true; this tells the type checker."""
    assert record is not None
    return record
