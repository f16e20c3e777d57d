"""The judgement over a chaos run, from what the two sandboxes say of themselves, field by field.

Pure functions, and nothing of agent or bridge: what a sales order must show is derived here a second time, from the
shop's own documents. A finding is one sentence.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox import book
from bridge_sandbox.book import Book
from bridge_sandbox.chaos import expectations
from bridge_sandbox.chaos.expectations import Difference

INACTIVE = "inactive"
_REVISION = re.compile(r"\brev(\d+)")
_STATUS_COMMENT = re.compile(r"^BNG sales order (\S+) is (.+) \(version (\d+)\)$")


@dataclass(frozen=True)
class Evidence:
    """`orders`: the shop's REST documents. Histories: every version of every record, in the order of writing."""

    site: str
    shop: Book
    orders: list[Book]
    bng: Book
    sales_order_history: list[Book]
    customer_history: list[Book]


@dataclass(frozen=True)
class Verdict:
    """A sentence for each thing that is wrong."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    out_of_order: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.out_of_order)


def judge(evidence: Evidence) -> Verdict:
    """Compare everything; an older state where a newer one had been is out of order, any other difference is lost."""
    sales_orders = book.by_external_id(evidence.bng["sales_orders"], evidence.site)
    customers = book.by_external_id(evidence.bng["customers"], evidence.site)
    shipments = book.shipments_of(evidence.bng, sales_orders)
    in_shop = book.shop_shipments(evidence.shop)
    differences = [
        *order_differences(evidence, sales_orders, customers),
        *customer_differences(evidence, customers),
        *deleted_differences(evidence, customers),
        *stock_differences(evidence),
    ]
    return Verdict(
        lost=(
            *book.lost_orders(evidence.shop, sales_orders, evidence.site),
            *lost_customers(evidence, customers),
            *book.lost_shipments(shipments, in_shop),
            *lost_quantities(evidence, sales_orders, shipments),
            *(each.sentence for each in differences if not each.was_right_before),
        ),
        duplicated=(
            *book.extra_records("sales order", sales_orders),
            *book.extra_records("customer", customers),
            *extra_guests(customers),
            *unknown_sales_orders(evidence, sales_orders),
            *book.extra_shipments(shipments, in_shop),
            *unknown_shipments(evidence, in_shop),
            *book.extra_tracks(evidence.shop),
            *extra_comments(evidence.orders),
        ),
        out_of_order=(
            *(each.sentence for each in differences if each.was_right_before),
            *regressions("sales order", evidence.sales_order_history, "SalesOrderID", shipping_street),
            *regressions("customer", evidence.customer_history, "CustomerID", lambda record: record["LastName"]),
        ),
    )


# Field by field


def order_differences(
    evidence: Evidence, sales_orders: Mapping[str, list[Book]], customers: Mapping[str, list[Book]]
) -> Iterable[Difference]:
    """What the sales orders show, and what they should by the shop's final documents."""
    history = by_id(evidence.sales_order_history, "SalesOrderID")
    owners = {record["CustomerID"]: record for found in customers.values() for record in found}
    for order in evidence.orders:
        for record in sales_orders.get(f"{evidence.site}-{order['entity_id']}", [])[:1]:
            before = history[record["SalesOrderID"]]
            for field, wanted in expectations.of_sales_order(order).items():
                yield from compare(f"order {order['entity_id']}", field, wanted, expectations.shown, record, before)
            yield from expectations.owner_differences(order, record, before, owners, evidence.site)
            yield from expectations.status_differences(order, record, before)
            yield from comment_differences(order, record)


def customer_differences(evidence: Evidence, customers: Mapping[str, list[Book]]) -> Iterable[Difference]:
    history = by_id(evidence.customer_history, "CustomerID")
    for customer in evidence.shop["customers"]:
        for record in customers.get(f"{evidence.site}-{customer['id']}", [])[:1]:
            before = history[record["CustomerID"]]
            if record.get("Status") == INACTIVE:
                yield Difference(
                    f"customer {customer['id']} is inactive in BNG, and was not deleted", was_right_before=True
                )
            for field, wanted in expectations.of_customer(customer).items():
                yield from compare(f"customer {customer['id']}", field, wanted, expectations.shown, record, before)


def deleted_differences(evidence: Evidence, customers: Mapping[str, list[Book]]) -> Iterable[Difference]:
    """Customers that the shop no longer has are inactive in BNG. One that BNG never heard of need not be there."""
    history = by_id(evidence.customer_history, "CustomerID")
    there = {f"{evidence.site}-{customer['id']}" for customer in evidence.shop["customers"]}
    for external_id, found in customers.items():
        if "-guest-" in external_id or external_id in there or found[0].get("Status") == INACTIVE:
            continue
        was_right = any(each.get("Status") == INACTIVE for each in history[found[0]["CustomerID"]])
        yield Difference(f"customer {external_id} is deleted in the shop, and not inactive in BNG", was_right)


def stock_differences(evidence: Evidence) -> Iterable[Difference]:
    quantities = book.source_quantities(evidence.shop)
    for sku, on_hand in book.stock_on_hand(evidence.bng).items():
        shown = quantities.get(sku)
        if shown != on_hand:
            sentence = f"stock of {sku} is {on_hand} in BNG and {shown} in the shop"
            yield Difference(sentence, was_right_before=False)


def compare(
    whose: str,
    field: str,
    wanted: object,
    read: Callable[[Book, str], object],
    record: Book,
    before: Iterable[Book],
) -> Iterable[Difference]:
    found = read(record, field)
    if found != wanted:
        was_right = any(read(each, field) == wanted for each in before)
        then = ", where it had been right before" if was_right else ""
        yield Difference(f"{whose}: {field} is {wanted!r} in the shop and {found!r} in BNG{then}", was_right)


def comment_differences(order: Book, record: Book) -> Iterable[Difference]:
    """BNG's status has been told, and nothing older after it. What the shop says itself need not be told."""
    told = [match[2] for _, match in status_comments(order)]
    label = expectations.LABELS[record["OrderStatus"]]
    if expectations.says_itself(order, record["OrderStatus"]) or (told and told[-1] == label):
        return
    whose = f"order {order['entity_id']}"
    last = f"the last status told is {told[-1]}" if told else "no status was told"
    yield Difference(f"{whose}: {record['SalesOrderID']} is {label} in BNG, and {last}", label in told)


def status_comments(order: Book) -> list[tuple[int, re.Match[str]]]:
    comments = sorted(order.get("status_histories") or [], key=lambda each: each["entity_id"])
    found = ((each["entity_id"], _STATUS_COMMENT.match(each.get("comment") or "")) for each in comments)
    return [(number, match) for number, match in found if match]


def regressions(noun: str, history: Iterable[Book], id_field: str, text: Callable[[Book], str]) -> Iterable[str]:
    """Writes that put a lower revision over a higher one."""
    highest: dict[str, int] = {}
    for record in history:
        number = revision(text(record))
        if number < (before := highest.get(record[id_field], 0)):
            yield (
                f"{noun} {record[id_field]} showed revision {before}, and its version {record['Version']} "
                f"revision {number} again"
            )
        highest[record[id_field]] = max(before, number)


def revision(text: str) -> int:
    """0 where none is named."""
    found = _REVISION.search(text)
    return int(found[1]) if found else 0


def shipping_street(record: Book) -> str:
    return (record.get("ShippingAddress") or {}).get("Street") or ""


def by_id(history: Iterable[Book], id_field: str) -> defaultdict[str, list[Book]]:
    found: defaultdict[str, list[Book]] = defaultdict(list)
    for record in history:
        found[record[id_field]].append(record)
    return found


# Missing and extra


def lost_customers(evidence: Evidence, customers: Mapping[str, list[Book]]) -> Iterable[str]:
    for customer in evidence.shop["customers"]:
        if f"{evidence.site}-{customer['id']}" not in customers:
            yield f"customer {customer['id']} of the shop is not in BNG"


def lost_quantities(
    evidence: Evidence, sales_orders: Mapping[str, list[Book]], shipments: Mapping[str, Book]
) -> Iterable[str]:
    """What BNG shipped of an order's single goods, and what the shop shows as shipped. Bundles are counted otherwise."""
    sent: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for shipment in shipments.values():
        for line in shipment["Lines"]:
            sent[shipment["SalesOrderID"], line["SKU"]] += Decimal(line["Quantity"])
    for order in evidence.shop["orders"]:
        for record in sales_orders.get(f"{evidence.site}-{order['entity_id']}", [])[:1]:
            for sku, quantity in expectations.shipped_singly(order).items():
                at_bng = sent[record["SalesOrderID"], sku]
                if quantity != at_bng:
                    yield f"order {order['entity_id']}: BNG shipped {at_bng} {sku}, and the shop shows {quantity}"


def extra_guests(customers: Mapping[str, list[Book]]) -> Iterable[str]:
    """One guest under two names."""
    seen: dict[str, str] = {}
    for external_id, found in customers.items():
        email = found[0]["Email"].lower()
        if "-guest-" in external_id and seen.setdefault(email, external_id) != external_id:
            yield f"guest {email} is in BNG as {seen[email]} and as {external_id}"


def unknown_sales_orders(evidence: Evidence, sales_orders: Mapping[str, list[Book]]) -> Iterable[str]:
    known = {f"{evidence.site}-{order['entity_id']}" for order in evidence.shop["orders"]}
    for external_id in sales_orders.keys() - known:
        yield f"sales order {external_id} has no order in the shop"


def unknown_shipments(evidence: Evidence, in_shop: Mapping[str, list[Book]]) -> Iterable[str]:
    """Nobody but the bridge ships in this shop, and it says for whom."""
    named = {shipment["entity_id"] for found in in_shop.values() for shipment in found}
    for shipment in evidence.shop["shipments"]:
        if shipment["entity_id"] not in named:
            yield f"shop shipment {shipment['increment_id']} names no shipment of BNG"


def extra_comments(orders: Iterable[Book]) -> Iterable[str]:
    for order in orders:
        seen: set[str] = set()
        for _, match in status_comments(order):
            if match[0] in seen:
                yield f"order {order['entity_id']}: the comment {match[0]!r} stands there again"
            seen.add(match[0])
