"""The templates give exactly what the mappings in the program give, and all their rules are reached by their cases."""

import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.mappings import TEMPLATES
from tests.support.orders import ADDRESS, Document, configurable, dynamic_bundle, fixed_bundle, item, order
from tests.unit.test_mapping_customers import customer, guest

from bng_bridge.mapping import customers, orders, shipments
from bng_bridge.mapping.cases import test_file as run_cases
from bng_bridge.mapping.mapping_file import Mapping, load
from bng_bridge.mapping.schemas import Schemas
from bridge_common import decimal_json
from bridge_common.errors import MappingError

FILES = sorted(TEMPLATES.glob("*.yaml"))
ORDER_CONTEXT = {"external_id": "shop1-74", "customer_id": "C-5", "time_zone": "America/Chicago", "transaction_id": ""}
ORDERS: list[Document] = [
    order(),
    order(item(1, "A", qty="2", price="9.99", tax="3.80"), shipping_tax="0.95", created_at="2026-03-02 03:15:00"),
    order(*configurable(21), *configurable(23)),
    order(*fixed_bundle(31)),
    order(*dynamic_bundle(41), repeats=[41]),
    order(item(1, "SET", kind="bundle", price="5.00")),
    order(item(1, "ROPE", qty="2.75", price="5.13"), shipping="10.54"),
    order(item(1, "ROPE", price="10.00"), grand_total=Decimal("15.02")),
    order(item(1, "ROPE", price="10.00"), grand_total=Decimal("14.98")),
    order(item(1, "ROPE", price="10.00"), grand_total=Decimal("15.03")),
    order(item(1, "ROPE", price="0.333", qty="3"), grand_total=Decimal("6.00")),
    order(item(1, "TAXED", price="8.40", discount="1.00", tax="1.44", discount_tax_compensation_amount=Decimal("0.16"))),
    order(item(1, "SAMPLE"), shipping="0.00"),
    order(item(1, "NAMELESS", price="1", name=None)),
    *(order(state=state) for state in (*orders.STATUS, "complete", "closed", "canceled", "of_a_module")),
    order(billing_address=None),
    order(billing_address={}),
    order(billing_address={**ADDRESS, "region_code": None, "street": ["", None, "a"], "city": None}),
    order(extension_attributes={"shipping_assignments": [{"shipping": {"method": None}}]}),
    order(extension_attributes=None),
    order(shipping_description=None, payment=None),
    order(base_grand_total=Decimal("0.0000")),
    order(grand_total=Decimal("18.78")),
    order(shipping_amount="a lot"),
    order(shipping_amount="5.00"),
    order(shipping_amount=True),
    *({name: value for name, value in order().items() if name != missing} for missing in ("discount_amount", "payment")),
]  # fmt: skip


@cache
def template(name: str) -> Mapping:
    return load(TEMPLATES / f"{name}.yaml")


def result(call: Callable[[], Any]) -> Any:
    """What comes out, or the error in words without its place."""
    try:
        return call()
    except MappingError as error:
        return f"MappingError: {error.message.split(': ')[-1].split(' (')[0].removeprefix('shipping_amount ')}"


def both(document: Document, **changes: str) -> tuple[Any, Any]:
    context = {**ORDER_CONTEXT, **changes}
    return (
        result(lambda: template("order-to-sales-order")(document, **context)),
        result(lambda: orders.sales_order(document, **context)),
    )


@pytest.mark.parametrize("document", ORDERS, ids=range(len(ORDERS)))
def test_an_order_comes_out_as_it_does_today(document: Document) -> None:
    by_template, by_program = both(document)
    assert by_template == by_program


@pytest.mark.parametrize("document", [order(), order(payment=None)])
def test_a_transaction_comes_out_as_it_does_today(document: Document) -> None:
    by_template, by_program = both(document, transaction_id="4f8x2k")
    assert by_template == by_program
    assert by_template["PaymentDescription"].endswith("4f8x2k")


def test_the_orders_have_something_of_everything() -> None:
    outcomes = [both(document)[0] for document in ORDERS]
    assert sum(isinstance(each, str) for each in outcomes) >= 5
    lines = [line["SKU"] for each in outcomes if isinstance(each, dict) for line in each["Lines"]]
    assert lines.count("ROUNDING") >= 2


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Tokyo", "Europe/Berlin"])
def test_the_day_is_that_of_the_store(time_zone: str) -> None:
    by_template, by_program = both(order(created_at="2026-12-31 23:30:00"), time_zone=time_zone)
    assert by_template == by_program


AMOUNT = st.decimals(0, 500, places=4)
ROWS = st.lists(st.tuples(st.decimals("0.0001", 50, places=4), AMOUNT, AMOUNT, AMOUNT), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, shipping=AMOUNT, off=st.sampled_from(["0", "0.01", "-0.02", "5"]))
def test_any_order_comes_out_as_it_does_today(
    rows: list[tuple[Decimal, Decimal, Decimal, Decimal]], shipping: Decimal, off: str
) -> None:
    items = [
        item(number, f"SKU-{number}", qty=str(qty), price=str(price), discount=str(discount), tax=str(tax))
        for number, (qty, price, discount, tax) in enumerate(rows, 1)
    ]
    document = order(*items, shipping=str(shipping))
    document["grand_total"] += Decimal(off)
    by_template, by_program = both(document)
    assert by_template == by_program


def recorded() -> Iterator[Path]:
    folder = os.environ.get("MAGENTO_RECORDINGS")
    return iter(sorted(Path(folder, "orders").glob("*.json")) if folder else [])


@pytest.mark.skipif("MAGENTO_RECORDINGS" not in os.environ, reason="MAGENTO_RECORDINGS is not set")
def test_recorded_orders_of_a_real_magento_come_out_as_they_do_today() -> None:
    paths = list(recorded())
    assert len(paths) == 5
    for path in paths:
        document = decimal_json.loads(path.read_bytes())
        by_template, by_program = both(document)
        assert by_template == by_program, path.name
        assert by_template["Lines"], path.name
        buyer = template("order-to-customer")(document, external_id="x")
        assert buyer == customers.from_order(document, external_id="x"), path.name


CUSTOMERS = [
    customer(), customer(default_shipping=None), customer(default_billing=None), customer(taxvat=None), customer(taxvat=""),
    customer(addresses=[], default_billing=None, default_shipping=None), customer(addresses=None), customer(firstname=None),
    customer(default_billing="9"), customer(default_billing=2, default_shipping=1),
]  # fmt: skip


@pytest.mark.parametrize("document", CUSTOMERS, ids=range(len(CUSTOMERS)))
def test_a_customer_comes_out_as_today(document: Document) -> None:
    made = template("customer-to-customer")(document, external_id="shop1-5", is_create=False)
    assert made == customers.from_customer(document, external_id="shop1-5")


@pytest.mark.parametrize(
    "document",
    [order(), guest(), guest(None), guest(customer_firstname=None, customer_lastname=None), order(billing_address=None),
     order(billing_address={**ADDRESS, "vat_id": None, "company": None, "telephone": None})],
    ids=range(6),
)  # fmt: skip
def test_the_buyer_of_an_order_comes_out_as_today(document: Document) -> None:
    made = template("order-to-customer")(document, external_id="shop1-x")
    assert made == customers.from_order(document, external_id="shop1-x")


def test_a_shipment_is_written_as_today() -> None:
    def parcel(number: int, *tracks: str, carrier: str | None = "DHL") -> Document:
        return {"ShipmentID": f"SH-{number}", "Carrier": carrier, "TrackingNumbers": list(tracks) or None, "Lines": []}

    parts = [parcel(3, "A", "B"), parcel(1, "C", carrier=None), parcel(2)]
    items = [{"order_item_id": 7, "qty": Decimal("2.75")}]
    assert template("shipment-to-shipment")(parts[0], items=items, parts=parts) == {
        "items": items,
        "notify": False,
        "comment": {"comment": shipments.comment(parts), "is_visible_on_front": 0},
        "tracks": [track for each in parts for track in shipments.tracks(each)],
    }


def test_a_customer_s_group_and_segment_lead_to_each_other() -> None:
    there, back = template("customer-with-segment"), template("bng-customer-to-customer")
    for group in (1, 2, 3):
        at_bng = there(customer(group_id=group), external_id="x", is_create=False)
        assert back(at_bng)["group_id"] == group


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_cases_of_a_template_agree_and_reach_every_rule(path: Path) -> None:
    tested = run_cases(path, Schemas())
    assert [str(finding) for finding in tested.findings] == []
    assert [f"{mark.at} {mark.name}" for mark in tested.coverage.missed()] == []
    assert tested.cases >= 2


def test_there_is_a_template_for_each_entity() -> None:
    heads = [load(path).head for path in FILES]
    targets = {head.target_name for head in heads}
    assert {f"bng/{name}" for name in (
        "customer", "sales_order", "product", "inventory_item", "invoice", "payment", "gl_entry", "vendor", "purchase_order",
    )} <= targets  # fmt: skip
    assert {
        "magento/customer",
        "magento/product",
        "magento/source_item",
        "magento/stock_item",
        "magento/ship",
    } <= targets
