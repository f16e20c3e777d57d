"""What BNG must show of the shop's orders and customers: derived anew, from Magento's documents and BNG's fields."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge_sandbox.book import Book
from bridge_sandbox.catalogue import BY_SKU

LABELS = {10: "pending", 20: "processing", 30: "on hold", 40: "complete", 50: "closed", 90: "cancelled"}
STATUSES = {"new": {10}, "processing": {20, 40}, "holded": {30}, "canceled": {90}, "complete": {40}}
"""By the shop's state, what BNG may show without having been told otherwise by its own people."""
OPERATOR = "operator"


@dataclass(frozen=True)
class Difference:
    """A sentence, and whether BNG had shown the right thing before: then something older was written over it."""

    sentence: str
    was_right_before: bool


def of_sales_order(order: Book) -> dict[str, Any]:
    """Owned fields by their names in BNG; see `shown`."""
    address = order["extension_attributes"]["shipping_assignments"][0]["shipping"]["address"]
    return {
        "ShippingAddress": five_fields(address),
        "BillingAddress": five_fields(order["billing_address"]),
        "Currency": order["order_currency_code"],
        "OrderDate": order["created_at"][:10],
        "Total": cents(order["grand_total"]),
        "Goods": goods(order["items"]),
    }


def of_customer(customer: Book) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "FirstName": customer["firstname"],
        "LastName": customer["lastname"],
        "Email": customer["email"],
    }
    for address in customer.get("addresses") or []:
        if address.get("default_shipping"):
            fields["ShippingAddress"] = five_fields(address)
    return fields


def shown(record: Book, field: str) -> Any:
    """A field of a BNG record in a form that can be compared."""
    match field:
        case "Total":
            return cents(record["Total"])
        case "Goods":
            return summed((line["SKU"], line["Quantity"]) for line in record["Lines"] if is_goods(line["SKU"]))
    return record.get(field)


def owner_differences(
    order: Book, record: Book, before: list[Book], owners: Mapping[str, Book], site: str
) -> Iterable[Difference]:
    """The sales order belongs to the one who ordered, also when the shop has deleted that customer since."""
    owner = owners.get(record["CustomerID"])
    whose = f"order {order['entity_id']}"
    if owner is None:
        yield Difference(f"{whose} belongs to {record['CustomerID']} in BNG, which is no customer of {site}", False)  # noqa: FBT003
    elif order.get("customer_id"):
        if owner["ExternalID"] != f"{site}-{order['customer_id']}":
            yield Difference(f"{whose} is customer {order['customer_id']}'s, and {owner['ExternalID']}'s in BNG", False)  # noqa: FBT003
    elif record["CustomerID"] != before[0]["CustomerID"]:
        yield Difference(f"{whose} was {before[0]['CustomerID']}'s in BNG and is {record['CustomerID']}'s", True)  # noqa: FBT003
    elif owner["Email"].lower() != order["customer_email"].lower():
        yield Difference(f"{whose} is {order['customer_email']}'s, and {owner['Email']}'s in BNG", False)  # noqa: FBT003


def status_differences(order: Book, record: Book, before: list[Book]) -> Iterable[Difference]:
    """On hold and cancelled are the same on both sides; for the rest BNG's own people may be ahead of the shop."""
    status, allowed = record["OrderStatus"], STATUSES[order["state"]]
    told = {30, 90}
    if status in allowed or (not told & {status, *allowed} and was_set_by_bng(status, before)):
        return
    was_right = any(each["OrderStatus"] in allowed for each in before)
    yield Difference(
        f"order {order['entity_id']} is {order['state']} in the shop and {LABELS[status]} as {record['SalesOrderID']}",
        was_right,
    )


def was_set_by_bng(status: int, versions: list[Book]) -> bool:
    return any(each["OrderStatus"] == status and each["UpdatedBy"] == OPERATOR for each in versions)


def says_itself(order: Book, status: int) -> bool:
    """The shop's own state says what BNG says."""
    return status in STATUSES[order["state"]] - {40} or (status == 40 and order["state"] == "complete")


def shipped_singly(order: Book) -> dict[str, Decimal]:
    """By SKU, what the shop shows as shipped; nothing for an order with bundles."""
    items = order["items"]
    if any(BY_SKU[item["sku"]].kind == "bundle" if item["sku"] in BY_SKU else True for item in items):
        return {}
    return summed((item["sku"], item["qty_shipped"]) for item in items if not item["parent_item_id"])


def goods(items: list[Book]) -> dict[str, Decimal]:
    """By SKU, the pieces to be taken from a shelf. A configurable's row stands for its variant, a bundle's for nothing."""
    kinds = {item["item_id"]: item["product_type"] for item in items}
    return summed(
        (item["sku"], item["qty_ordered"])
        for item in items
        if item["product_type"] != "bundle" and kinds.get(item.get("parent_item_id")) != "configurable"
    )


def is_goods(sku: str) -> bool:
    return sku in BY_SKU and BY_SKU[sku].kind == "simple"


def summed(pairs: Iterable[tuple[str, Any]]) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sku, quantity in pairs:
        found[sku] += Decimal(str(quantity))
    return dict(found)


def five_fields(address: Book) -> dict[str, str]:
    """BNG's address. Order documents have the region's code beside its name, customer documents in one object."""
    region = address.get("region") or ""
    if isinstance(region, dict):
        state = region.get("region_code") or region.get("region") or ""
    else:
        state = address.get("region_code") or region
    return {
        "Street": ", ".join(line for line in address["street"] if line),
        "City": address["city"],
        "State": state,
        "Zip": address["postcode"],
        "Country": address["country_id"],
    }


def cents(amount: Any) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))
