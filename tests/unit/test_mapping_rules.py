"""What the rules of a mapping file do with a document."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.mappings import compiled
from tests.support.orders import item, order

from bng_bridge.mapping.mapping_file import load
from bridge_common.errors import MappingError

CUSTOMER = "source: magento/customer\ntarget: bng/customer\n"
PRODUCT = "source: bng/product\ntarget: magento/product\npartial: true\n"


def mapped(body: str, document: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
    return compiled(body)(order() if document is None else document, **context)


def error(body: str, document: dict[str, Any], **context: Any) -> str:
    with pytest.raises(MappingError) as raised:
        mapped(body, document, **context)
    return raised.value.message


@pytest.mark.parametrize(
    ("typed", "value"),
    [("on", "on"), ("1", "1"), ("1.10", "1.10"), ("2026-03-02", "2026-03-02"), ("~", "~"), ("0x1F", "0x1F")],
)
def test_what_is_typed_stays_what_it_is_where_text_is_wanted(typed: str, value: str) -> None:
    assert mapped(f"fields:\n  ShipVia: {{default: {typed}}}\n") == {"ShipVia": value}


def test_the_target_gives_what_is_typed_its_kind() -> None:
    body = "fields: {OrderStatus: {default: 20}, Freight: {default: 1.1}, OrderDate: {default: 2026-03-02}}\n"
    assert mapped(body) == {"OrderStatus": 20, "Freight": "1.10", "OrderDate": "2026-03-02"}
    made = compiled("fields:\n  extension_attributes: {fields: {stock_item: {fields: {is_in_stock: {default: on}}}}}\n",
                    head=PRODUCT)  # fmt: skip
    assert made({}) == {"extension_attributes": {"stock_item": {"is_in_stock": True}}}


def test_table_keys_are_what_was_typed() -> None:
    body = "tables:\n  name: {on: A, 1: B, 1.5: C, true: D}\nfields:\n  ShipVia: {expr: order.status, lookup: name}\n"
    for value, name in (("on", "A"), ("1", "B"), (1, "B"), (Decimal("1.50"), "C"), (True, "D")):
        assert mapped(body, {"status": value}) == {"ShipVia": name}


@pytest.mark.parametrize("value", ["unknown", 7, ["new"], {"a": 1}])
def test_an_unknown_value_never_passes(value: Any) -> None:
    body = "tables:\n  name: {new: 10}\nfields:\n  OrderStatus: {expr: order.state, lookup: name, omit_null: true}\n"
    message = error(body, {"state": value})
    assert message.startswith("OrderStatus: ")
    assert message.endswith("(orders.yaml:7)")
    assert mapped(body, {"state": None}) == {}


def test_an_error_says_field_row_and_line() -> None:
    body = (
        "fields:\n  Lines:\n    each: order.items\n    as: it\n"
        "    fields:\n      SKU: it.sku\n      Tax: amount(it.tax_amount)\n"
    )
    document = order(item(1, "A"), item(2, "B"))
    document["items"][1]["tax_amount"] = "a lot"
    assert error(body, document) == "Lines[1].Tax: is 'a lot', not an amount (orders.yaml:10)"


def test_a_text_that_is_too_long_is_never_cut() -> None:
    assert "has 65 characters, at most 64" in error("fields: {ExternalID: order.state}\n", {"state": "x" * 65})


@pytest.mark.parametrize(
    ("field", "value"),
    [("Total", "abc"), ("Total", [1]), ("Total", 1.5), ("OrderDate", "2026-13-01"), ("OrderDate", "2026-03-02 10:00:00"),
     ("Currency", Decimal(1)), ("Currency", True), ("OrderStatus", Decimal("10.5")), ("OrderStatus", 15)],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_field_fails(field: str, value: Any) -> None:
    assert error(f"context: {{value: any}}\nfields: {{{field}: value}}\n", {}, value=value).startswith(f"{field}: ")


def test_a_required_field_of_the_target_is_never_null() -> None:
    made = compiled("fields: {SKU: product.sku}\n", head="source: magento/product\ntarget: bng/product\n")
    with pytest.raises(MappingError, match=r"^SKU: is null, and it is required \(orders.yaml:3\)$"):
        made({})


def test_context_has_to_be_given_and_more_does_no_harm() -> None:
    body = "context: {zone: text}\nfields: {ShipVia: zone}\n"
    assert mapped(body, zone="UTC", other=1) == {"ShipVia": "UTC"}
    assert error(body, {}) == "the context zone was not given (orders.yaml)"


def test_a_document_that_is_none_fails() -> None:
    with pytest.raises(MappingError, match="the document is a list, not an object"):
        compiled("fields: {}\n")([])  # type: ignore[arg-type]


def test_custom_attributes_are_fields_on_both_sides() -> None:
    source = compiled("attributes: {vendor: text}\nfields: {Name: product.custom_attributes.vendor}\n",
                      head="source: magento/product\ntarget: bng/product\npartial: true\n")  # fmt: skip
    document = {
        "custom_attributes": [{"attribute_code": "color", "value": "red"}, {"attribute_code": "vendor", "value": "V"}]
    }
    assert source(document) == {"Name": "V"}
    assert source({}) == {"Name": None}
    target = compiled("omit_null: true\nfields: {custom_attributes: {fields: {cost: product.Cost, color: product.Name}}}\n",
                      head=PRODUCT)  # fmt: skip
    assert target({"Cost": "3.50"}) == {"custom_attributes": [{"attribute_code": "cost", "value": "3.50"}]}


def test_a_missing_list_is_an_empty_one_and_something_else_fails() -> None:
    body = "fields:\n  Lines: {each: order.items, as: it, fields: {SKU: it.sku}}\n"
    assert mapped(body, {}) == {"Lines": []}
    assert error(body, {"items": {"a": 1}}).startswith("Lines: each wants a list, got an object")


def test_an_object_that_is_given_as_a_whole_is_held_to_the_schema() -> None:
    head = "source: bng/customer\ntarget: bng/sales_order\npartial: true\n"
    made = compiled("fields: {BillingAddress: customer.BillingAddress}\n", head=head)
    assert made({"BillingAddress": {"City": "Kiel"}}) == {"BillingAddress": {"City": "Kiel"}}
    with pytest.raises(MappingError, match="Address of bng/sales_order has no field Planet"):
        made({"BillingAddress": {"Planet": "Earth"}})


def test_a_mapping_keeps_nothing_between_calls() -> None:
    made = compiled("let: {x: {expr: order.state, when: order.state}}\nfields: {ShipVia: x}\n")
    assert made({"state": "new"}) == {"ShipVia": "new"}
    assert made({}) == {"ShipVia": None}


def test_the_document_is_not_changed() -> None:
    document = order()
    before = repr(document)
    mapped("let: {rows: {each: order.items, as: it, fields: {it: it}}}\nfields: {Total: order.grand_total}\n", document)
    assert repr(document) == before


def test_nested_lists_end_when_they_are_too_much_work() -> None:
    """A few thousand rows, each with all rows, each with all rows."""
    body = (
        "let:\n  a:\n    each: order.items\n    as: x\n    fields:\n      b:\n        each: order.items\n        as: y\n"
        "        fields: {c: {each: order.items, as: z, expr: z.sku}}\nfields: {}\n"
    )
    message = error(body, {"items": [{"sku": "A"}] * 2000})
    assert "is too much work for one document" in message
    assert message.startswith("let.a[")
    assert mapped(body, {"items": [{"sku": "A"}] * 20}) == {}


def test_functions_over_lists_are_paid_for_in_loops() -> None:
    body = "let:\n  a: {each: order.items, as: x, expr: \"sum(order.items, 'qty_ordered')\"}\nfields: {}\n"
    assert "too much work" in error(body, {"items": [{"qty_ordered": 1}] * 3000})
    assert mapped(body, {"items": [{"qty_ordered": 1}] * 100}) == {}


@pytest.mark.parametrize(
    "expr",
    ["order.items == twins", "twins != order.items", "combine('', names, names)", "'y' in names"],
)
def test_whole_lists_in_loops_are_paid_for(expr: str) -> None:
    rows, twins, names = [{"sku": "A"}] * 3000, [{"sku": "A"}] * 3000, ["x"] * 3000
    body = f'context: {{names: list, twins: list}}\nlet:\n  a: {{each: order.items, as: x, expr: "{expr}"}}\nfields: {{}}\n'
    assert "too much work" in error(body, {"items": rows}, names=names, twins=twins)


@pytest.mark.parametrize("expr", ["product.custom_attributes.color", "first(rows, 'custom_attributes.color')"])
def test_each_look_for_a_custom_attribute_is_paid_for(expr: str) -> None:
    """It goes through all of them."""
    made = compiled(
        "context:\n  rows: magento/product[]\n  lines: list\n"
        f'let:\n  a: {{each: lines, as: x, expr: "{expr}"}}\nfields: {{}}\n',
        head="source: magento/product\ntarget: bng/product\npartial: true\n",
    )
    many = {"custom_attributes": [{"attribute_code": "size", "value": "S"}] * 2000}
    assert made(many, rows=[many], lines=[1] * 100) == {}
    with pytest.raises(MappingError, match="too much work"):
        made(many, rows=[many], lines=[1] * 600)


def test_a_whole_list_in_every_row_is_paid_for() -> None:
    head = "source: magento/order\ntarget: magento/customer\npartial: true\n"
    body = "context: {lines: list}\nfields: {addresses: {each: order.items, as: x, fields: {street: lines}}}\n"
    made = compiled(body, head=head)
    assert made({"items": [{}] * 2}, lines=["a"]) == {"addresses": [{"street": ["a"]}] * 2}
    with pytest.raises(MappingError, match="too much work"):
        made({"items": [{}] * 3000}, lines=["a"] * 3000)


def test_an_error_of_a_trusted_function_is_an_error_of_its_rule() -> None:
    body = "let: {rows: sold_rows(order)}\nfields: {}\n"
    assert error(body, {}).startswith("let.rows: sold_rows() finds no complete items")
    document = order(item(1, "SET", kind="bundle"), item(2, "A", parent=1))
    document["items"][1]["price"] = "a lot"
    assert error(body, document).startswith("let.rows: price is 'a lot', not an amount (orders.yaml:4)")


def test_identity_follows_the_file_and_what_it_is_made_of(tmp_path: Path) -> None:
    base, own, other = tmp_path / "base.yaml", tmp_path / "own.yaml", tmp_path / "other.yaml"
    base.write_text(CUSTOMER + "fields: {Email: customer.email}\n")
    own.write_text("extends: base.yaml\nfields: {Segment: {expr: customer.group_id, lookup: s}}\n"
                   "tables: {s: {reverse_of: s, in: other.yaml}}\n")  # fmt: skip
    other.write_text("tables: {s: {A: 1}}\n")
    first = load(own).identity
    assert load(own).identity == first
    assert load(own)({"email": "a@b.c", "group_id": 1}) == {"Email": "a@b.c", "Segment": "A"}
    other.write_text("tables: {s: {B: 1}}\n")
    second = load(own).identity
    base.write_text(CUSTOMER + "fields: {Email: lower(customer.email)}\n")
    assert len({first, second, load(own).identity}) == 3


def test_an_extending_file_says_what_is_different(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        CUSTOMER
        + "tables: {t: {1: A}}\nlet: {mail: customer.email}\n"
        + "fields:\n  Email: mail\n  Segment: {expr: customer.group_id, lookup: t}\n"
    )
    own = tmp_path / "own.yaml"
    own.write_text(
        "extends: base.yaml\ntables: {t: {1: B}}\nlet: {mail: lower(customer.email)}\nfields: {Phone: {default: '1'}}\n"
    )
    assert load(own)({"email": "A@B.C", "group_id": 1}) == {"Email": "a@b.c", "Segment": "B", "Phone": "1"}
    own.write_text("extends: own.yaml\n")
    with pytest.raises(Exception, match="extend each other, or one itself"):
        load(own)
    own.write_text("extends: ../base.yaml\n")
    with pytest.raises(Exception, match="the name of a file beside this one"):
        load(own)


def test_a_table_that_is_reversed_needs_each_value_once(tmp_path: Path) -> None:
    (tmp_path / "there.yaml").write_text("tables: {s: {1: A, 2: A}}\n")
    back = tmp_path / "back.yaml"
    back.write_text(CUSTOMER + "tables: {s: {reverse_of: s, in: there.yaml}}\nfields: {}\n")
    with pytest.raises(Exception, match=r"back.yaml:3:26: tables.s: A stands for 1 and for 2"):
        load(back)
