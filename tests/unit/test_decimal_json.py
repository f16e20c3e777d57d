"""Members of an array with their own text: as exact and as strict as parsing the whole."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_common import decimal_json

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


@given(st.lists(VALUES, max_size=5), SPACE)
def test_the_members_and_their_texts_are_those_of_the_array(values: list[object], space: str) -> None:
    texts = [decimal_json.dumps(value) for value in values]
    members = decimal_json.loads_array(f"{space}[{space}{f'{space},{space}'.join(texts)}{space}]{space}")
    assert [value for value, _ in members] == values
    assert [text for _, text in members] == texts


def test_an_amount_is_a_decimal() -> None:
    assert decimal_json.loads_array("[84.0000]") == [(Decimal("84.0000"), "84.0000")]


@pytest.mark.parametrize(
    "text",
    ["", "[", "]", "{}", "1", "[1,]", "[,1]", "[1 2]", "[1],", "[1]]", "[[1]", '["a]', "[1],[2]", "[NaN]", "[}]"],
)
def test_what_is_not_an_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decimal_json.loads_array(text)


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
