"""docs/mapping.md: every example is run, and every key and function of mapping files is in it."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.mappings import expression

from bng_bridge.mapping import head, rules
from bng_bridge.mapping.budget import BUDGET
from bng_bridge.mapping.findings import MappingFileError
from bng_bridge.mapping.functions.library import functions
from bng_bridge.mapping.mapping_file import compile_text
from bng_bridge.mapping.schemas import NAMES
from bng_bridge.mapping.shapes import TEXT as TEXT_SHAPE
from bridge_common import decimal_json
from bridge_common.errors import MappingError

TEXT = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```(\w*)\n(.*?)^```", TEXT)
HEAD = """\
source: magento/order
target: bng/sales_order
partial: true
context: {external_id: text, customer_id: text, time_zone: text, is_create: flag}
"""
CONTEXT = {"external_id": "shop1-74", "customer_id": "C-5", "time_zone": "America/Chicago", "is_create": True}
DOCUMENT = decimal_json.loads(next(code for language, code in BLOCKS if language == "json"))
EXAMPLES = [(code, BLOCKS[index + 1]) for index, (language, code) in enumerate(BLOCKS[:-1]) if language == "yaml"]
EXPRESSIONS = re.findall(r"(?m)^\| `(.+?)` \| `(.+?)` \|$", TEXT)


def mapped(code: str) -> dict[str, Any]:
    is_whole = code.startswith(("source:", "extends:"))
    mapping = compile_text(code if is_whole else HEAD + code, Path("example.yaml"))
    return mapping(DOCUMENT, **CONTEXT)


@pytest.mark.parametrize(("code", "after"), EXAMPLES)
def test_an_example_gives_what_stands_below_it(code: str, after: tuple[str, str]) -> None:
    language, wanted = after
    if language == "json":
        assert mapped(code) == decimal_json.loads(wanted)
        return
    assert language == "text"
    with pytest.raises((MappingError, MappingFileError)) as raised:
        mapped(code)
    if not isinstance(raised.value, MappingFileError):
        assert raised.value.message.startswith(wanted.strip())
        return
    lines = HEAD.count("\n")
    found = [
        str(each).replace(f"example.yaml:{each.at.line}:", f"{each.at.line - lines}:", 1)
        for each in raised.value.findings
    ]
    assert found == wanted.splitlines()


@pytest.mark.parametrize(("code", "wanted"), EXPRESSIONS)
def test_an_expression_gives_what_stands_beside_it(code: str, wanted: str) -> None:
    made, slots, size = expression(code, **{name: TEXT_SHAPE for name in CONTEXT if name != "is_create"})
    frame: list[Any] = [BUDGET, DOCUMENT, *([None] * size)]
    for name, slot in slots.items():
        frame[slot] = CONTEXT[name]
    value = made.get(frame)
    assert value == decimal_json.loads(wanted)
    assert isinstance(value, bool) == isinstance(decimal_json.loads(wanted), bool)


def test_there_are_many_examples() -> None:
    assert (len(EXAMPLES), len(EXPRESSIONS)) > (15, 60)


def test_every_function_has_an_example() -> None:
    used = {name for code, _ in EXPRESSIONS for name in re.findall(r"(\w+)\(", code)}
    assert sorted(set(functions()) - used) == []


def test_every_key_of_a_rule_and_of_the_head_is_in_an_example_or_named() -> None:
    keys = {*rules.KEYS, *head.KEYS, "extends", "reverse_of"}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", TEXT)] == []
    headings = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"(?m)^#+ (.*)$", TEXT))))
    assert set(rules.KEYS) - headings == set()


def test_every_document_is_named() -> None:
    assert [name for name in NAMES if name.partition("/")[2] not in TEXT] == []
