"""The shop's schema: tables from `sql/tables.sql`, Magento's own triggers, and the catalogue's opening state.

`install` does nothing to a schema that has the tables already, so every start may call it.
"""

from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox.catalogue import PRODUCTS, SOURCE_CODE, Product
from bridge_sandbox.shop.products import url_key
from bridge_sandbox.shop.queries import read_sql
from bridge_sandbox.shop.session import Session


@dataclass(frozen=True)
class Subscription:
    """A table that one of Magento's materialised views follows, and the column it notes down."""

    table: str
    changelog: str
    column: str


SUBSCRIPTIONS = (
    Subscription("sales_order", "sales_order_data_exporter_cl", "entity_id"),
    Subscription("sales_order_item", "sales_order_data_exporter_cl", "order_id"),
    Subscription("sales_payment_transaction", "sales_order_data_exporter_cl", "order_id"),
    Subscription("sales_order_status", "sales_order_status_data_exporter_cl", "status"),
    Subscription("inventory_source_item", "inventory_cl", "source_item_id"),
    Subscription("catalog_product_entity", "catalog_product_price_cl", "entity_id"),
    Subscription("store", "store_data_exporter_cl", "store_id"),
    Subscription("store_group", "store_data_exporter_cl", "group_id"),
    Subscription("store_website", "store_data_exporter_cl", "website_id"),
)
"""A trigger of anybody else on these tables makes Magento's `setup:upgrade` abort."""


def install(session: Session) -> bool:
    """Create and fill the schema; False when it was there already."""
    if session.value("has_table", session.table_name("store")):
        return False
    session.script(read_sql("tables.sql"))
    seed_stores(session)
    seed_statuses(session)
    seed_catalogue(session)
    for subscription in SUBSCRIPTIONS:
        create_triggers(session, subscription)
    return True


def create_triggers(session: Session, subscription: Subscription) -> None:
    """`trg_<table>_after_<event>` for all three events, bodies as Magento composes them."""
    table = session.table_name(subscription.table)
    columns = [row["name"] for row in session.rows("column_names", table)]
    # An update of `updated_at` alone is no change, but a no-op UPDATE statement does reach the trigger.
    changed = " OR ".join(f"NOT (NEW.`{name}` <=> OLD.`{name}`)" for name in columns if name != "updated_at")
    for event, row, condition in (
        ("insert", "NEW", ""),
        ("update", "NEW", f"IF ({changed}) THEN "),
        ("delete", "OLD", ""),
    ):
        note = f"INSERT IGNORE INTO #{subscription.changelog} (`entity_id`) VALUES ({row}.`{subscription.column}`);"
        session.run_raw(
            f"CREATE TRIGGER `trg_{table}_after_{event}` AFTER {event.upper()} ON #{subscription.table} "
            f"FOR EACH ROW BEGIN {condition}{note}{' END IF;' if condition else ''} END"
        )


def seed_stores(session: Session) -> None:
    """The admin scope with its ids 0, and one website with one store."""
    session.run_raw("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    for number, code, website, group, view in (
        (0, "admin", "Admin", "Default", "Admin"),
        (1, "base", "Main Website", "Main Website Store", "Default Store View"),
    ):
        session.insert(
            "store_website",
            {"website_id": number, "code": code, "name": website, "default_group_id": number, "is_default": number},
        )
        store_code = "default" if number else "admin"
        session.insert(
            "store_group",
            {
                "group_id": number,
                "website_id": number,
                "name": group,
                "default_store_id": number,
                "code": f"{store_code}_group",
            },
        )
        session.insert(
            "store",
            {
                "store_id": number,
                "code": store_code,
                "website_id": number,
                "group_id": number,
                "name": view,
                "is_active": 1,
            },
        )
    session.run_raw("SET sql_mode = ''")


STATUSES = (
    ("pending", "Pending", "new"),
    ("processing", "Processing", "processing"),
    ("complete", "Complete", "complete"),
    ("closed", "Closed", "closed"),
    ("canceled", "Canceled", "canceled"),
    ("holded", "On Hold", "holded"),
    ("pending_payment", "Pending Payment", "pending_payment"),
    ("payment_review", "Payment Review", "payment_review"),
    ("fraud", "Suspected Fraud", "payment_review"),
)


def seed_statuses(session: Session) -> None:
    """Each status with the state it belongs to."""
    for status, label, state in STATUSES:
        session.insert("sales_order_status", {"status": status, "label": label})
        session.insert(
            "sales_order_status_state",
            {"status": status, "state": state, "is_default": int(status != "fraud"), "visible_on_front": 1},
        )


def seed_catalogue(session: Session) -> None:
    """The products in order, so that their ids are 1, 2, 3 ...; stock for the simple ones."""
    session.insert(
        "inventory_source",
        {"source_code": SOURCE_CODE, "name": "Default Source", "country_id": "DE", "postcode": "00000"},
    )
    for product in PRODUCTS:
        seed_product(session, product)
    for product in PRODUCTS:
        if product.kind in ("simple", "virtual"):
            fields = {"source_code": SOURCE_CODE, "sku": product.sku, "quantity": product.opening_stock, "status": 1}
            session.insert("inventory_source_item", fields)


def seed_product(session: Session, product: Product) -> None:
    """One product; what a bundle does with price and shipment is 0 or 1 as in Magento's attributes."""
    is_composite = product.kind not in ("simple", "virtual")
    is_bundle = product.kind == "bundle"
    entity_id = session.insert(
        "catalog_product_entity",
        {
            "type_id": product.kind,
            "sku": product.sku,
            "has_options": int(is_composite),
            "required_options": int(is_composite),
        },
    )
    session.insert(
        "catalog_product_flat_1",
        {
            "entity_id": entity_id,
            "name": product.name,
            "price": product.price if product.price != Decimal(0) else None,
            "weight": None if is_composite or product.kind == "virtual" else product.weight,
            "url_key": url_key(product.name),
            "price_type": int(product.price_type == "fixed") if is_bundle else None,
            "shipment_type": int(product.ship_separately) if is_bundle else None,
        },
    )
