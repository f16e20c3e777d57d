"""Mistakes in a mapping file: all of them at once, each with line, column, field and what was meant."""

from pathlib import Path

import pytest
from tests.support.mappings import compiled, mistakes

from bng_bridge.mapping.findings import MappingFileError
from bng_bridge.mapping.mapping_file import load
from bng_bridge.mapping.rules import KEYS
from bng_bridge.mapping.yaml_tree import MOST_CHARACTERS

UNDER_FIELDS = "fields of an object stand under fields."
WHOLE = "source: magento/order\ntarget: bng/sales_order\n"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("fields:\n  Totl: order.state\n", ["2:3: fields.Totl: bng/sales_order has no field Totl. Did you mean Total?"]),
        ("fields:\n  total: order.state\n", ["2:3: fields.total: bng/sales_order has no field total. Did you mean Total?"]),
        (
            "fields:\n  BillingAddress:\n    fields:\n      Stret: order.state\n",
            ["4:7: fields.BillingAddress.Stret: Address of bng/sales_order has no field Stret. Did you mean Street?"],
        ),
        (
            "fields:\n  Total: order.grand_totl\n",
            ["2:16: fields.Total: magento/order has no field grand_totl. Did you mean grand_total?"],
        ),
        (
            "fields:\n  Lines:\n    each: order.items\n    as: item\n    fields: {LineNo: position, SKU: item.sk}\n",
            ["5:42: fields.Lines[].SKU: magento/order_item has no field sk. Did you mean sku?"],
        ),
        (
            "tables:\n  status: {new: 10, old: 15}\nfields:\n  OrderStatus: {expr: order.state, lookup: status}\n",
            ["2:26: tables.status.old: for fields.OrderStatus: 15 is not one of 10, 20, 30, 40, 50, 90."],
        ),
        (
            "tables:\n  status: {new: ten}\nfields:\n  OrderStatus: {expr: order.state, lookup: status}\n",
            ["2:17: tables.status.new: for fields.OrderStatus: is 'ten', not an amount."],
        ),
        (
            "fields:\n  OrderStatus: {expr: order.state, lookup: statuss}\n",
            ["2:44: fields.OrderStatus: there is no table statuss. There are none, under tables."],
        ),
        (
            "owners: {Totl: bng}\nfields:\n  Total: order.grand_total\n",
            ["1:10: head: Totl is no field of this mapping. Did you mean Total?"],
        ),
        (
            "owners: {Total: erp}\nfields:\n  Total: order.grand_total\n",
            ["1:17: head: an owner is magento or bng."],
        ),
        ("fields:\n  Total: order.grand_total * 1.1\n",
         ["2:30: fields.Total: 1.1 would be a binary float. Write number('1.1')."]),
        (
            "fields:\n  Total: sum([i.row_total for i in order.items])\n",
            ["2:14: fields.Total: a comprehension is not allowed in an expression. See docs/mapping.md, Expressions."],
        ),
        ("fields:\n  Total: cent(order.grand_total)\n", ["2:10: fields.Total: cent() is no function. Did you mean cents?"]),
        ("fields:\n  Total: >-\n    cents(\n      order.grand_totl)\n",
         ["4:13: fields.Total: magento/order has no field grand_totl. Did you mean grand_total?"]),
        ("fields:\n  Total: cents(\n    order.grand_totl)\n",
         ["3:11: fields.Total: magento/order has no field grand_totl. Did you mean grand_total?"]),
        ("fields:\n  ShipVia: \"order.stat\"\n",
         ["2:19: fields.ShipVia: magento/order has no field stat. Did you mean state?"]),
        ("fields:\n  ShipVia: {exprr: order.state}\n",
         ["2:13: fields.ShipVia: exprr is no key of a rule. Did you mean expr?"]),
        (
            "fields:\n  BillingAddress: {City: order.state}\n",
            [f"2:20: fields.BillingAddress: City is no key of a rule. A rule has {', '.join(KEYS)}; {UNDER_FIELDS}"],
        ),
        ("fields:\n  ShipVia: {when: order.state}\n",
         ["2:12: fields.ShipVia: has neither expr nor default, nor fields or each."]),
        ("fields:\n  ShipVia: [order.state]\n", ["2:12: fields.ShipVia: the target wants the kind text, not a list."]),
        ("fields:\n  ShipVia: order.items\n", ["2:12: fields.ShipVia: the target wants the kind text, this is a list."]),
        ("fields:\n  Lines: {each: order.state, as: x, fields: {}}\n",
         ["2:17: fields.Lines: each wants a list, this is the kind text."]),
        ("fields:\n  Lines: {each: order.items, expr: order}\n",
         ["2:10: fields.Lines: as is missing: what each row, or the value, is to be called."]),
        ("fields:\n  ShipVia: {expr: order.state, default: a, required: true}\n",
         ["2:44: fields.ShipVia: required is without effect beside default."]),
        ("fields:\n  OrderStatus: {default: soon}\n", ["2:26: fields.OrderStatus: default: is 'soon', not an amount."]),
        ("fields:\n  OrderStatus: \"15\"\n", ["2:16: fields.OrderStatus: 15 is not one of 10, 20, 30, 40, 50, 90."]),
        ("fields:\n  ExternalID: {default: " + "x" * 65 + "}\n",
         ["2:25: fields.ExternalID: default: '" + "x" * 56 + "… has 65 characters, at most 64 are taken. left(…) cuts."]),
        ("let:\n  order: order.state\nfields: {}\n", ["2:3: let.order: order is taken already."]),
        ("context:\n  zone: txt\nfields: {}\n", ["2:9: head: txt is no kind. Did you mean text?"]),
        ("felds: {}\nfields: {}\n", ["1:1: felds: felds is no part of a mapping file. Did you mean fields?"]),
        ("refuse:\n  - {when: order.state}\nfields: {}\n", ["2:5: refuse: when, message and perhaps hint are wanted."]),
        ("fields:\n  ShipVia: order.state\n  ShipVia: order.status\n", ["3:3: ShipVia stands here twice, first in line 5."]),
        ("fields:\n  ShipVia: 'a: b\n",
         ["3:1: is no YAML: found unexpected end of stream."]),
        ("fields:\n  ShipVia: a: b\n",
         ["2:13: is no YAML: mapping values are not allowed here. Put a text with ': ' or ' #' in it into quotes."]),
        ("fields: &a\n  BillingAddress: {fields: *a}\n",
         ["1:9: an anchor that contains itself, or too many levels."]),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_where_it_stands(body: str, found: list[str]) -> None:
    assert mistakes(body) == found


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    found = mistakes("fields:\n  Totl: order.grand_total\n  Freight: order.x\n  Total: y\n")
    assert [line.split(":")[0] for line in found] == ["2", "3", "4"]


def test_required_fields_have_to_be_covered() -> None:
    (finding,) = mistakes("fields:\n  ExternalID: order.increment_id\n", head=WHOLE)
    assert finding.startswith(
        "2:3: fields: bng/sales_order requires Currency, CustomerID, Lines, OrderDate, Total, which no"
    )
    lines = "  Lines: [{fields: {SKU: order.state, LineNo: position, Quantity: '1'}}]\n"
    found = mistakes("fields:\n" + lines, head=WHOLE)
    assert found[1].startswith(
        "2:20: fields.Lines[]: SalesOrderLine of bng/sales_order requires LineTotal, which no rule"
    )
    assert mistakes("fields:\n" + lines, head=WHOLE + "partial: true\n") == []


def test_a_required_field_may_not_be_left_out() -> None:
    body = "fields:\n  SKU: {expr: product.sku, when: product.name}\n"
    (finding,) = mistakes(body, head="source: magento/product\ntarget: bng/product\n")
    assert finding == "2:3: fields.SKU: bng/product requires it, and this rule may leave it out."


def test_a_field_that_only_bng_writes_is_no_target() -> None:
    (finding,) = mistakes("fields:\n  Version: order.entity_id\n")
    assert "bng/sales_order has no field Version" in finding
    assert mistakes("fields: {increment_id: sales_order.SalesOrderID}\n",
                    head="source: bng/sales_order\ntarget: magento/order\npartial: true\n") == []  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "1:1: is no YAML mapping"),
        ("- a", "1:1: is no YAML mapping"),
        ("fields: {}", "1:1: source, target is missing at the top"),
        ("source: magento/ordr\ntarget: bng/customer\nfields: {}", "1:9: head: there is no schema magento/ordr. Did"),
        ("a: \x01", "is no YAML"),
        ("a: b\n---\nc: d", "is no YAML"),
        ("[" * 5000, "is no YAML"),
        ("a" * (MOST_CHARACTERS + 1), "is longer than"),
        ("? [a]\n: b", "1:3: a key that is no text"),
    ],
)  # fmt: skip
def test_what_is_no_mapping_file_is_said_to_be_none(text: str, found: str) -> None:
    with pytest.raises(MappingFileError) as raised:
        compiled(text, head="")
    assert found in str(raised.value)


def test_a_file_that_multiplies_itself_by_anchors_is_refused() -> None:
    """Ten anchors, each of which has ten of the one before: a billion fields if they were all made."""
    lines = ["let:", "  a0: &a0 {fields: {x: order.state}}"]
    for level in range(1, 10):
        inner = ", ".join(f"k{number}: *a{level - 1}" for number in range(10))
        lines.append(f"  a{level}: &a{level} {{fields: {{{inner}}}}}")
    found = mistakes("\n".join([*lines, "fields: {}"]))
    assert any("is too large: at most 2000 rules" in line for line in found)


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(MappingFileError, match="cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MappingFileError, match="cannot be read"):
        load(tmp_path / "binary.yaml")
