"""Flow files with all kinds of slips in them: a finding, or a flow that ends, and never anything else."""

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.mappings import shipped

from bng_bridge.flow_files import templates
from bng_bridge.flow_files.fit import misfits_of
from bng_bridge.flow_files.flow_file import Flow, compile_text
from bng_bridge.flow_files.rehearsal import rehearse
from bng_bridge.mapping.findings import MappingFileError
from bridge_common import decimal_json

FILES = sorted(templates.folder().glob("*.yaml"))
SLIPS = (
    "when", "steps", "- ", "{", "}", "[", "]", ": ", "name", "call", "null", "order", "event", "choose", "catch", "reads",
    "fields", "with", "*a", "&a ", "'", '"', "\n", "  ", "#", "hold", "for", "then", "raise: error", "let", "on", "mapping",
)  # fmt: skip
OUTCOMES = {"done", "skipped", "postponed", "retried", "dead"}


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def cases_of(path: Path) -> list[Any]:
    return [decimal_json.loads(each.read_bytes()) for each in sorted(path.with_suffix("").glob("*.in.json"))]


def slipped(text: str, chance: Random) -> str:
    """Something left out, put in, or a line in another's place."""
    place = chance.randrange(len(text))
    kind = chance.choice(("out", "in", "line"))
    if kind == "out":
        return text[:place] + text[place + chance.randint(1, 30) :] or "#"
    if kind == "in":
        return text[:place] + chance.choice(SLIPS) + text[place:]
    lines = text.split("\n")
    lines[chance.randrange(len(lines))] = " " * chance.randint(0, 8) + chance.choice(lines).strip()
    return "\n".join(lines)


def flow_of(text: str) -> Flow | None:
    try:
        flow = compile_text(text, Path("flow.yaml"))
    except MappingFileError:
        return None
    return None if any(misfits_of(flow, shipped().mappings, "")) else flow


@given(st.sampled_from(FILES), st.randoms(use_true_random=False), st.integers(min_value=0, max_value=3))
@settings(max_examples=200, deadline=None)
def test_a_file_with_slips_is_refused_with_a_place_or_runs_to_an_end(path: Path, chance: Random, slips: int) -> None:
    text = text_of(path)
    for _ in range(slips):
        text = slipped(text, chance)
    if (flow := flow_of(text)) is not None:
        assert {rehearse(flow, shipped().mappings, case)["outcome"] for case in cases_of(path)} <= OUTCOMES
