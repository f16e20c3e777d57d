"""docs/flows.md: every example is run, and everything that a flow file may say is in it."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.flow_files import HEAD
from tests.support.mappings import shipped

from bng_bridge.flow_files import failures, trigger, words
from bng_bridge.flow_files.cases import projected
from bng_bridge.flow_files.emits import EMITS
from bng_bridge.flow_files.events import BOUND, EVENT, EVENTS, FAILURE, SITE
from bng_bridge.flow_files.flow_file import compile_text
from bng_bridge.flow_files.operations import OPERATIONS
from bng_bridge.flow_files.records import ENTITIES, RECORDS
from bng_bridge.flow_files.rehearsal import KEYS as CASE_KEYS
from bng_bridge.flow_files.rehearsal import rehearse
from bng_bridge.mapping.cases import differences
from bng_bridge.mapping.findings import MappingFileError
from bridge_common import decimal_json

TEXT = (Path(__file__).parents[2] / "docs" / "flows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```(\w*)\n(.*?)^```", TEXT)
CASE = decimal_json.loads(next(code for language, code in BLOCKS if language == "json"))
EXAMPLES = [
    (code, [block for language, block in BLOCKS[index + 1 : index + 3] if language != "yaml"])
    for index, (language, code) in enumerate(BLOCKS)
    if language == "yaml"
]


def head_of(code: str) -> str:
    return "" if code.startswith("on:") else HEAD


def is_case(block: str) -> bool:
    return block.startswith("{") and bool({"document", "answers"} & decimal_json.loads(block).keys())


def told(code: str, case: dict[str, Any]) -> dict[str, Any]:
    flow = compile_text(head_of(code) + code, Path("example.yaml"))
    return rehearse(flow, shipped().mappings, CASE | case)


@pytest.mark.parametrize(("code", "after"), EXAMPLES, ids=[code.splitlines()[0] for code, _ in EXAMPLES])
def test_an_example_does_what_stands_below_it(code: str, after: list[str]) -> None:
    case = decimal_json.loads(after.pop(0)) if is_case(after[0]) else {}
    if not after[0].startswith("{"):
        assert findings(code) == after[0].splitlines()
        return
    wanted = {"writes": [], **decimal_json.loads(after[0])}
    if "error" in wanted and "writes" not in decimal_json.loads(after[0]):
        del wanted["writes"]
    found = told(code, case)
    assert list(differences(wanted, projected(wanted, found))) == []


def findings(code: str) -> list[str]:
    with pytest.raises(MappingFileError) as refused:
        told(code, {})
    lines = head_of(code).count("\n")
    shown = [
        str(each).replace(f"yaml:{each.at.line}:", f"yaml:{each.at.line - lines}:", 1)
        for each in refused.value.findings
    ]
    return [re.sub(r"line (\d+)", lambda found: f"line {int(found[1]) - lines}", each) for each in shown]


def test_there_are_many_examples() -> None:
    assert len(EXAMPLES) > 13


def test_everything_that_a_flow_file_may_name_is_explained() -> None:
    named = {
        *trigger.KEYS, *trigger.ON_KEYS, *words.STEPS, *words.KEYS, *words.CATCH_KEYS, *words.THEN, *EVENTS, *RECORDS,
        *ENTITIES, *EMITS, *OPERATIONS, *failures.KINDS, *failures.PROBLEMS, *failures.WAITED_FOR, *failures.HOLDS,
        *EVENT.fields, *BOUND.fields, *SITE.fields, *FAILURE.fields, *CASE_KEYS,
    }  # fmt: skip
    assert [name for name in sorted(named) if not re.search(rf"`[^`\n]*\b{re.escape(name)}\b[^`\n]*`", TEXT)] == []


def test_every_operation_and_every_record_stands_in_its_table_with_what_it_takes() -> None:
    for name, operation in OPERATIONS.items():
        (line,) = re.findall(rf"(?m)^\| `{name}` \| (.*?) \|", TEXT)
        assert re.findall(r"`(\w+)`", line) == list(operation.takes), name
    for name, record in RECORDS.items():
        verbs = re.findall(rf"(?m)^\| `{name}` \| (.*?) \|", TEXT)[-1]
        assert set(verbs.split(", ")) == set(record.verbs), name


def test_every_step_has_an_example() -> None:
    used = "\n".join(code for code, _ in EXAMPLES)
    assert [verb for verb in words.STEPS if not re.search(rf"(?m)^\s*(- |- {{.*|)\b{verb}:", used)] == []
