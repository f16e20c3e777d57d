"""Parts of a JSON text with their own text: as exact and as strict as parsing the whole."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_common import decimal_json
from bridge_common.json_peek import peek

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
SPACE = st.text(" \t\r\n", max_size=3)


@given(st.lists(VALUES, max_size=5), st.dictionaries(st.text(), VALUES, max_size=2), SPACE)
def test_the_members_and_their_texts_are_those_of_the_array(
    values: list[object], rest: dict[str, object], space: str
) -> None:
    rest.pop("items", None)
    texts = [decimal_json.dumps(value) for value in values]
    begin = f'{{"items":[{space}{f"{space},{space}".join(texts)}{space}]{space}'
    whole = begin + "".join(f",{decimal_json.dumps({name: value})[1:-1]}" for name, value in rest.items()) + "}"
    assert decimal_json.loads_parted(whole.encode(), "items") == {
        **rest,
        "items": list(zip(values, texts, strict=True)),
    }


@given(st.lists(VALUES, max_size=3))
def test_an_array_that_stands_elsewhere_has_texts_too(values: list[object]) -> None:
    whole = decimal_json.dumps({"total": 1, "items": values})
    pairs = [(value, decimal_json.dumps(value)) for value in values]
    assert decimal_json.loads_parted(whole.encode(), "items") == {"total": 1, "items": pairs}


def test_an_amount_is_a_decimal_and_its_text_as_it_was() -> None:
    assert decimal_json.loads_parted(b'{"items":[84.0000]}', "items") == {"items": [(Decimal("84.0000"), "84.0000")]}


@pytest.mark.parametrize("text", ["null", "7", '{"items":null}', '{"items":{}}', '{"message":"no"}'])
def test_an_answer_without_the_array_is_as_it_is(text: str) -> None:
    assert decimal_json.loads_parted(text.encode(), "items") == decimal_json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["", "]", "}", "[1,]}", "[,1]}", "[1 2]}", "[1]]}", "[[1]}", '["a]}', "[NaN]}", "[}]}", "[1]", "[1],}", "[1]} x"],
)
def test_an_array_that_is_broken_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decimal_json.loads_parted(f'{{"items":{text}'.encode(), "items")


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), VALUES)
def test_a_member_is_seen_without_reading_the_rest(rest: dict[str, object], value: object) -> None:
    assert peek(decimal_json.dumps({**rest, "name": value}), "name") == value
    rest.pop("name", None)
    assert peek(decimal_json.dumps(rest), "name") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"text"', '{"a":NaN}', '{"a":1,}', "{} {}", '{"a":1}]'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        peek(text, "a")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":{"b": 1}}', '{"b": 1}'),
        ('{"x":"{\\"a\\":1}","a" : [1, 2 ] }', "[1, 2 ]"),
        ('{"x":{"a":1},"a":2}', "2"),
        ('\n{ "x" : [ { "a" : 1 } ] ,\n "a" : "\\u00e4" }', '"\\u00e4"'),
        ('{"a":1,"a":2}', "1"),
    ],
)
def test_the_text_of_a_member_is_as_it_stands_there(text: str, found: str) -> None:
    assert decimal_json.member_text(text, "a") == found


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"b":1}', '{"b":{"a":1}}', '{"a"', '{"a":', "null", '["a",1]'])
def test_a_member_that_is_not_there_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        decimal_json.member_text(text, "a")
