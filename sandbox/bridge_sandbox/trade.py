"""What people do during a demo: buyers place orders of every kind, BNG's warehouse ships and counts stock.

All choices come from one seeded generator, so that a run can be repeated; only the timing differs.
"""

import random
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from bridge_sandbox.admin import BngAdmin, Server, ShopAdmin
from bridge_sandbox.book import Book
from bridge_sandbox.catalogue import STOCKED, WAREHOUSE

KINDS = ("simple", "configurable", "bundle_fixed", "bundle_dynamic", "discount", "us", "mixed")
BUYERS_AT_ONCE = 4
REGISTERED = 3
SHARE_REGISTERED = 0.5
SHARE_SHIPPED = 0.6
SHARE_IN_TWO_PARTS = 0.5
COUNTS_AT = (0.5, 1.0)
SKUS_COUNTED = 3
IN_BOXES = frozenset(product.sku for product in STOCKED)


class Buyers:
    """Places `count` orders in the background; leave the block to wait for them."""

    def __init__(self, shop: ShopAdmin, api: Server, count: int, rng: random.Random) -> None:
        self._pool = ThreadPoolExecutor(BUYERS_AT_ONCE, thread_name_prefix="buyer")
        customers = [register(api, number) for number in range(REGISTERED)]
        self._orders = [self._pool.submit(shop.checkout, **choose_order(n, customers, rng)) for n in range(count)]

    def placed(self) -> int:
        """How many orders stand; raises what a checkout raised."""
        return sum(1 for order in done(self._orders) if order.result())

    def close(self) -> None:
        """Drop the orders not begun."""
        self._pool.shutdown(cancel_futures=True)


class Warehouse:
    """Ships a share of what BNG is asked for, some in two parts, and counts some of the stock."""

    def __init__(self, bng: BngAdmin, rng: random.Random) -> None:
        self._bng = bng
        self._rng = rng
        self._seen: set[str] = set()
        self._shipments = 0
        self._counts_due = list(COUNTS_AT)

    @property
    def seen(self) -> int:
        """How many sales orders were decided on."""
        return len(self._seen)

    def ship_new(self, sales_orders: Iterable[Book]) -> None:
        """Decide on each sales order not seen before: ship it, in one or two parts, or leave it."""
        for order in sales_orders:
            if order["SalesOrderID"] not in self._seen and order["ExternalID"]:
                self._seen.add(order["SalesOrderID"])
                if self._rng.random() < SHARE_SHIPPED:
                    self._ship(order)

    def count_stock_at(self, progress: float) -> None:
        """Once half of the orders are seen, and again at the end: a few SKUs are not as many as thought."""
        while self._counts_due and progress >= self._counts_due[0]:
            self._counts_due.pop(0)
            for product in self._rng.sample(STOCKED, SKUS_COUNTED):
                self._bng.set_stock(product.sku, WAREHOUSE, self._rng.randrange(50_000, 90_000))

    def _ship(self, order: Book) -> None:
        part = first_part(order) if self._rng.random() < SHARE_IN_TWO_PARTS else None
        for lines in (part, None) if part else (None,):
            self._shipments += 1
            numbers = [f"JJD{self._shipments:06d}{piece}" for piece in range(self._rng.choice((1, 1, 2)))]
            self._bng.ship(order["ExternalID"], numbers, lines)


def done(futures: Iterable["Future[Any]"]) -> list["Future[Any]"]:
    return [each for each in futures if each.done()]


def register(api: Server, number: int) -> int:
    """The id of a new customer of the shop."""
    customer = {
        "email": email_of(number),
        "firstname": "Zoë",
        "lastname": f"Müller-{number}",
        "website_id": 1,
        "store_id": 1,
        "group_id": 1,
    }
    created: int = api.post("/rest/V1/customers", customer=customer)["id"]
    return created


def email_of(number: int) -> str:
    return f"buyer{number}@example.com"


def choose_order(number: int, customers: list[int], rng: random.Random) -> dict[str, Any]:
    """Every kind in turn; by a registered customer or a guest, and some guests come again."""
    order: dict[str, Any] = {"kind": KINDS[number % len(KINDS)]}
    if rng.random() < SHARE_REGISTERED:
        return order | {"customer_id": rng.choice(customers)}
    return order | {"guest_email": f"guest{rng.randrange(number + 1)}@example.com"}


def first_part(order: Book) -> list[dict[str, Any]] | None:
    """Half of a line of several pieces, else one line of several; None for what goes in one box.

    A kit's own line is nothing to take from a shelf; its parts are, and may leave at different times.
    """
    goods = [line for line in order["Lines"] if line["SKU"] in IN_BOXES]
    for line in goods:
        if Decimal(line["Quantity"]) >= 2:
            return [{"LineNo": line["LineNo"], "Quantity": str(Decimal(line["Quantity"]) // 2)}]
    if len(goods) > 1:
        return [{"LineNo": goods[0]["LineNo"], "Quantity": goods[0]["Quantity"]}]
    return None
