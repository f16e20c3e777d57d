"""What an expression of a mapping file may be, what it gives, and how mistakes are told."""

from decimal import Decimal
from typing import Any

import pytest
from tests.support.mappings import expression, value_of

from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Wrong

ORDER: dict[str, Any] = {
    "entity_id": 74, "state": "new", "grand_total": Decimal("28.78"), "note": None, "empty": "", "deep": {"a": {"b": 1}},
    "rows": [{"qty": 2, "price": Decimal("9.99")}, {"qty": None, "price": "1.01"}],
    "custom_attributes": [{"attribute_code": "color", "value": "red"}],
}  # fmt: skip


NUMBERS_AND_TEXTS = "does not work. amount(…) and number(…) make a number, text(…) a text."
REFUSED = "is not allowed in an expression See docs/mapping.md, Expressions."


def wrong(code: str) -> str:
    with pytest.raises(Wrong) as raised:
        expression(code)
    return f"{raised.value.at.line}:{raised.value.at.column}: {raised.value.message} {raised.value.hint}".strip()


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("order.deep.a.b", 1),
        ("order.deep.x.b", None),
        ("order.note.any.thing", None),
        ("order['state']", "new"),
        ("order.rows[1].price", "1.01"),
        ("order.rows[9].price", None),
        ("order.rows[-1].price", "1.01"),
        ("1 + 2 * 3", Decimal(7)),
        ("7 / 2", Decimal("3.5")),
        ("-order.grand_total", Decimal("-28.78")),
        ("'a' + 'b'", "ab"),
        ("order.note or order.empty or 'x'", "x"),
        ("order.note and order.note.x", None),
        ("not order.empty", True),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("'e' in order.state", True),
        ("order.state not in ('new', 'closed')", False),
        ("'x' in order.note", False),
        ("order.note is None", True),
        ("order.state is not None", True),
        ("'yes' if order.entity_id == 74 else 'no'", "yes"),
        ("[order.entity_id, 1]", [74, 1]),
        ("sum(order.rows, 'price')", Decimal("11.00")),
        ("sum(order.rows, 'qty')", Decimal(2)),
        ("join(rows=['a', None, '', 'b'], separator='-')", "a-b"),
        ("join(order.rows, field='price')", None),
        ("upper(order.note)", None),
        ("find(order.rows, 'price', '9.99').qty", 2),
        ("'ä' + 'ö'", "äö"),
        ("(1 +\n 2)", Decimal(3)),
    ],
)
def test_an_expression_gives(code: str, value: Any) -> None:
    if value is None and "join" in code:
        with pytest.raises(Fault, match="wants texts, got a number"):
            value_of(code, ORDER)
        return
    assert value_of(code, ORDER) == value


@pytest.mark.parametrize(
    ("code", "mistake"),
    [
        ("order.grand_totl", "1:7: magento/order has no field grand_totl. Did you mean grand_total?"),
        ("order.items.sku", "1:13: a list has no field sku. Take one row: [0], first(…), find(…); or all: each, sum(…)."),
        ("order.state.x", "1:13: a value of the kind text has no field x"),
        ("order.items[0].skuu", "1:16: magento/order_item has no field skuu. Did you mean sku?"),
        ("sum(order.items, 'row_totl')", "1:18: magento/order_item has no field row_totl. Did you mean row_total?"),
        ("ordr.state", "1:1: ordr is not known here. Did you mean order?"),
        ("new", "1:1: new is not known here. A text stands in quotes."),
        ("uper(order.state)", "1:1: uper() is no function. Did you mean upper?"),
        ("upper", "1:1: upper is a function Write upper(text)."),
        ("upper()", "1:1: upper(): missing a required argument: 'text'. Write upper(text)."),
        ("upper('a', 'b')", "1:1: upper(): too many positional arguments. Write upper(text)."),
        ("left('abc', long=2)", "1:1: left(): missing a required argument: 'count'. Write left(text, count)."),
        ("order.grand_total * 1.19", "1:21: 1.19 would be a binary float Write number('1.19')."),
        ("1e3", "1:1: 1000.0 would be a binary float Write number('1000.0')."),
        ("2 ** 3", f"1:1: ** {REFUSED}"),
        ("[x for x in order.items]", f"1:1: a comprehension {REFUSED}"),
        ("(lambda: 1)()", "1:1: only functions can be called: name(…)"),
        ("order.__class__", "1:1: __class__ is private: a name may not begin with _"),
        ("__import__('os')", "1:1: __import__ is private: a name may not begin with _"),
        ("order.state.upper()", "1:1: only functions can be called: name(…)"),
        ("f'{order.state}'", f"1:1: an f-string {REFUSED}"),
        ("(x := 1)", f"1:2: := {REFUSED}"),
        ("order.items[0:1]", f"1:13: a slice {REFUSED}"),
        ("upper(*order.items)", f"1:7: * {REFUSED}"),
        ("upper(**order)", "1:1: ** is not allowed in an expression"),
        ("{'a': 1}", "1:1: {…} " + REFUSED),
        ("b'x'", "1:1: b'x' is not allowed in an expression"),
        ("1 +", "1:4: is no expression: invalid syntax"),
        ("(1", "1:1: is no expression: '(' was never closed"),
        ("", "1:1: is empty, where an expression is wanted Null is None."),
        ("order.state + 1", f"1:1: the kind text + the kind integer {NUMBERS_AND_TEXTS}"),
        ("'x' * 1000", f"1:1: the kind text * the kind integer {NUMBERS_AND_TEXTS}"),
        ("order.entity_id == '74'", f"1:1: the kind integer and the kind text {NUMBERS_AND_TEXTS}"),
        ("order.state is 'new'", "1:1: is no expression: \"is\" with a literal"),
        ("number('abc')", "1:1: is 'abc', not an amount"),
        ("order.items[order.entity_id]", "1:13: only a number or a text can stand in [ ]"),
        ("'ä' + order.x", "1:13: magento/order has no field x."),
        ("1234567890123456789", "1:1: a number of more than 18 digits"),
        ("'" + "x" * 1001 + "'", "1:1: a text of more than 1000 characters"),
        ("+".join(["1"] * 300), "1:1: is too large: at most 250 parts and 25 levels"),
        ("-" * 500 + "1", "1:1: is too large: at most 250 parts and 25 levels"),
        ("(" * 500 + "1" + ")" * 500, "1:201: is no expression: too many nested parentheses"),
        ("1" + " " * 2000, "1:1: is longer than 2000 characters"),
        ("[1,\n order.x]", "2:8: magento/order has no field x."),
        ("\x00", "1:1: is no expression: it contains a null byte"),
        ("(1, 2)", "1:1: a list stands in [ ] ( , ) only behind `in`."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(code: str, mistake: str) -> None:
    if code.startswith("order.state is"):
        assert wrong(code).startswith(("1:1: `is` is for None only", mistake))
        return
    assert wrong(code) == mistake


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("order.note + 1", r"null \+ a number does not work"),
        ("order.state + 1", r"text \+ a number does not work"),
        ("order.grand_total > order.state", "a number > text does not work"),
        ("order.state.x", "text has no field x"),
        ("order.rows.x", "a list has no field x"),
        ("order.deep[0]", r"\[0\] wants a list, got an object"),
        ("1 / (order.entity_id - 74)", "has no exact result"),
        ("upper(order.entity_id)", "wants text, got a number"),
        ("round(order.grand_total, order.grand_total)", "wants a whole number, got 28.78"),
        ("number(order.state)", "is 'new', not an amount"),
        ("day(order.state)", "is no moment"),
        ("day('2026-03-02 00:00:00', order.state)", "is no time zone"),
        ("day('2026-03-02 00:00:00', '../../etc/passwd')", "is no time zone"),
        ("add_days('2026-13-01', 1)", "is no day"),
        ("format_day('2026-03-02', '%s')", "is no pattern"),
        ("sum(order.rows, 'qty') + order.rows", r"a number \+ a list does not work"),
        ("join(order.rows)", "wants texts, got an object"),
    ],
)
def test_what_only_the_document_shows_fails_when_it_runs(code: str, message: str) -> None:
    with pytest.raises((Fault, Wrong), match=message):
        value_of(code, ORDER)


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), True, Decimal("NaN"), Decimal("1e50"), 10**40, "1e5", " 1", "1_000"]
)
def test_only_a_plain_decimal_number_is_an_amount(value: Any) -> None:
    with pytest.raises(Fault):
        value_of("amount(order.value)", {"value": value})


@pytest.mark.parametrize("operation", ["a + b", "a - b", "a * b", "a / b", "-a", "a < b", "round(a, 2)", "sum([a, b])"])
def test_a_binary_float_in_a_document_is_refused(operation: str) -> None:
    with pytest.raises(Fault):
        value_of(operation, None, a=0.1, b=Decimal(1))


def test_arithmetic_is_exact_or_refused() -> None:
    assert value_of("a + b", None, a=Decimal("0.1"), b=Decimal("0.2")) == Decimal("0.3")
    with pytest.raises(Fault, match="has no exact result of 28 digits"):
        value_of("a * a", None, a=Decimal("1.00000000000000001"))
    with pytest.raises(Fault, match="more than 28 digits"):
        value_of("sum(a)", None, a=[Decimal("1e20"), Decimal("1e-20")])


def test_texts_that_would_grow_are_refused_before_they_are_made() -> None:
    long = "a" * 60_000
    with pytest.raises(Fault, match="would make a text of 120000 characters"):
        value_of("a + a", None, a=long)
    with pytest.raises(Fault, match="would make a text"):
        value_of("replace(a, 'a', 'aaaa')", None, a=long)
    with pytest.raises(Fault, match="would make a text"):
        value_of("join(a)", None, a=[long, long])
    with pytest.raises(Fault, match="length of at most 1000"):
        value_of("pad('x', a)", None, a=100_000_000)


def test_no_method_and_no_attribute_of_python_is_reached() -> None:
    for name in ("state", "keys", "items", "get", "format"):
        assert value_of(f"order.{name}", {"state": "new"}) == ("new" if name == "state" else None)
