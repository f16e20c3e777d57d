"""The values of a product's attributes: those that all stores share, and those that a store view has of its own.

A change at a store view makes a value of that view's own, whatever was shown there before. An attribute that the shop does
not know is dropped without a word.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bridge_sandbox.shop.session import Session

ALL_STORES = "all"
ADMIN_STORE = 0
"""Has what all stores share."""
FLAT = frozenset({"name", "price", "weight", "status", "visibility", "url_key"})
"""Those whose shared values stand in the product's flat row."""

GLOBAL = {"price": "decimal", "weight": "decimal", "special_price": "decimal", "cost": "decimal", "msrp": "decimal",
          "special_from_date": "datetime", "special_to_date": "datetime", "country_of_manufacture": "varchar"}  # fmt: skip
OF_STORES = {"name": "varchar", "status": "int", "visibility": "int", "tax_class_id": "int", "url_key": "varchar",
             "description": "text", "short_description": "text", "meta_title": "varchar", "meta_description": "varchar",
             "news_from_date": "datetime", "news_to_date": "datetime"}  # fmt: skip
SETS = {4: "Default", 9: "Clothing", 10: "Lighting", 11: "Services"}


def seed_attributes(session: Session) -> None:
    """Those that every product has, and the sets."""
    for known, is_global in ((GLOBAL, 1), (OF_STORES, 0)):
        for code, kind in known.items():
            session.insert("eav_attribute", {"attribute_code": code, "backend_type": kind, "is_global": is_global})
    for number, name in SETS.items():
        session.insert("eav_attribute_set", {"attribute_set_id": number, "attribute_set_name": name})


def read_values(session: Session, product_ids: Sequence[int], store: str) -> dict[int, dict[str, str]]:
    """By product and attribute, what is not in the flat row: the store's own before those that all share."""
    values: dict[int, dict[str, str]] = defaultdict(dict)
    for row in session.rows("product_values", product_ids, store_id(session, store)):
        values[row["entity_id"]][row["attribute_code"]] = row["value"]
    return values


def write_values(session: Session, product_id: int, store: str, values: Mapping[str, Any]) -> None:
    """At the store, or for all of them where the attribute is the same everywhere. An empty text takes a value away."""
    known = {row["attribute_code"]: row for row in session.rows("product_attributes")}
    shared: dict[str, Any] = {}
    before = read_values(session, [product_id], store)[product_id]
    for code, value in with_start(values, before).items():
        if code not in known or value is None:
            continue
        scope = ADMIN_STORE if known[code]["is_global"] else store_id(session, store)
        if scope == ADMIN_STORE and code in FLAT:
            shared[code] = value
        elif value == "":
            session.execute("unset_product_value", product_id, scope, code)
        else:
            session.execute("set_product_value", product_id, scope, code, kept(known[code]["backend_type"], value))
    if shared:
        session.update("catalog_product_flat_1", "entity_id", product_id, shared)


def store_id(session: Session, code: str) -> int:
    """Of a store that is there; of all together the admin's."""
    return ADMIN_STORE if code == ALL_STORES else int(session.value("store_id", code))


def with_start(values: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
    """A special price without a first day begins today."""
    both = {**before, **values}
    if not both.get("special_price") or both.get("special_from_date"):
        return dict(values)
    return {**values, "special_from_date": f"{datetime.now(UTC):%Y-%m-%d}"}


def kept(kind: str, value: Any) -> str:
    """As Magento shows it afterwards."""
    if kind == "decimal":
        return f"{Decimal(str(value)):.6f}"
    if kind == "datetime":
        return f"{str(value)[:10]} 00:00:00"
    return str(int(value)) if isinstance(value, bool) else str(value)
