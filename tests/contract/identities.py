"""Which record of the sandbox stands for which record of the recording.

Ids differ between the two, but one of the recording must always be the same one of the sandbox, and no two of them
the same: that is how an id is compared.
"""

from collections import defaultdict
from typing import Any

ANY = "any"
"""Kinds that the sandbox has no records of."""

BY_KEY = {
    "order_id": "order",
    "item_id": "order_item",
    "order_item_id": "order_item",
    "parent_item_id": "order_item",
    "product_id": "product",
    "customer_id": "customer",
    "customerId": "customer",
    "billing_address_id": "order_address",
    "shipping_address_id": "order_address",
    "default_billing": "customer_address",
    "default_shipping": "customer_address",
    "quote_id": ANY,
    "quote_item_id": ANY,
}
BY_PLACE = {
    ("order", "entity_id"): "order",
    ("order", "increment_id"): "order_number",
    ("shipment", "entity_id"): "shipment",
    ("shipment", "increment_id"): "shipment_number",
    ("customer", "id"): "customer",
    ("product", "id"): "product",
    ("stock_item", "item_id"): "stock_item",
    ("addresses", "id"): "customer_address",
    ("items", "entity_id"): "shipment_item",
    ("items", "parent_id"): "shipment",
    ("comments", "entity_id"): "shipment_comment",
    ("comments", "parent_id"): "shipment",
    ("track", "entity_id"): "track",
    ("track", "parent_id"): "shipment",
    ("tracks", "entity_id"): "track",
    ("tracks", "parent_id"): "shipment",
    ("history", "entity_id"): "history",
    ("history", "parent_id"): "order",
    ("status_histories", "entity_id"): "history",
    ("status_histories", "parent_id"): "order",
    ("billing_address", "entity_id"): "order_address",
    ("billing_address", "parent_id"): "order",
    ("address", "entity_id"): "order_address",
    ("address", "parent_id"): "order",
    ("payment", "entity_id"): "payment",
    ("payment", "parent_id"): "order",
    ("itself", "ship"): "shipment",
    ("itself", "invoice"): "invoice",
    ("itself", "stock_item"): "stock_item",
    ("invoice", "entity_id"): "invoice",
    ("invoice", "increment_id"): "invoice_number",
    ("invoice_items", "entity_id"): "invoice_item",
    ("invoice_items", "parent_id"): "invoice",
    ("itself", "creditmemo"): "creditmemo",
    ("creditmemo", "entity_id"): "creditmemo",
    ("creditmemo", "increment_id"): "creditmemo_number",
    ("creditmemo_items", "entity_id"): "creditmemo_item",
    ("creditmemo_items", "parent_id"): "creditmemo",
    ("return_to_stock_items", ""): "order_item",
}

ROWS_OF = {"invoice": "invoice_items", "creditmemo": "creditmemo_items"}
"""What `items` stands for in a document of this noun, where it is not a shipment's."""


def kind_of(container: str, key: str, value: Any) -> str | None:
    """What kind of record this value names; `container` is the key or noun of the document that it stands in."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return BY_PLACE.get((container, key)) or BY_KEY.get(key)


class Identities:
    """Pairs of ids, learned as they appear side by side."""

    def __init__(self) -> None:
        self._ours: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._theirs: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def pair(self, kind: str, theirs: Any, ours: Any) -> bool:
        """Whether the two may be the same record; from now on they are."""
        if kind == ANY:
            return True
        if (known := self._ours[kind].get(str(theirs))) is not None:
            return known == str(ours)
        if str(ours) in self._theirs[kind]:
            return False
        self._ours[kind][str(theirs)] = str(ours)
        self._theirs[kind][str(ours)] = str(theirs)
        return True

    def ours(self, kind: str, theirs: Any) -> Any:
        """The sandbox's id, of the type of theirs; an id that the recording invented stays as it is."""
        found = self._ours[kind].get(str(theirs), str(theirs))
        return int(found) if isinstance(theirs, int) else found
