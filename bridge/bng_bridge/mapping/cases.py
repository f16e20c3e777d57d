"""The integrator's own tests: cases beside a mapping file, run and compared.

Beside `orders.yaml` stands a folder `orders/` with, for each case, `CASE.in.json` (the document) and either `CASE.out.json`
(what must come out) or `CASE.error.txt` (lines that must all stand in the error). `context.json` is the context of all,
`CASE.context.json` what one has instead.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bng_bridge.mapping import templates
from bng_bridge.mapping.bng_entities import ENTITIES
from bng_bridge.mapping.coverage import Coverage
from bng_bridge.mapping.findings import Finding, Position
from bng_bridge.mapping.mapping_file import Mapping, load
from bng_bridge.mapping.round_trip import differences_there_and_back
from bng_bridge.mapping.schemas import Schemas
from bridge_common import decimal_json
from bridge_common.errors import MappingError

IN, OUT, ERROR, CONTEXT = ".in.json", ".out.json", ".error.txt", ".context.json"


@dataclass(frozen=True)
class Case:
    name: str
    mapping: Path
    document: Path
    expected: Path | None
    """CASE.out.json or CASE.error.txt; None where neither is there."""


@dataclass
class Tested:
    """What came of the cases of one file."""

    path: Path
    cases: int = 0
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)


def test_file(path: Path, schemas: Schemas) -> Tested:
    """Runs every case. Raises MappingFileError for a file with mistakes."""
    tested = Tested(path)
    mapping = load(path, schemas=schemas, coverage=tested.coverage)
    back = _way_back(mapping, path, schemas)
    for case in cases_of(path):
        tested.cases += 1
        try:
            tested.findings += [_finding(case, message) for message in _differences(mapping, case, back)]
        except (OSError, ValueError) as error:
            tested.findings.append(_finding(case, f"cannot be read: {error}"))
    if not tested.cases:
        message = f"no cases: put CASE{IN} and CASE{OUT} into {path.with_suffix('')}/"
        tested.findings.append(Finding(Position(str(path), 1, 1), "", message))
    return tested


def cases_of(path: Path) -> Iterator[Case]:
    folder = path.with_suffix("")
    for document in sorted(folder.glob(f"*{IN}")):
        name = document.name.removesuffix(IN)
        expected = [each for each in (folder / f"{name}{OUT}", folder / f"{name}{ERROR}") if each.exists()]
        yield Case(name, path, document, expected[0] if len(expected) == 1 else None)


def context_of(path: Path, document: Path) -> dict[str, Any]:
    """The context of a document's case, as the files beside mapping and document say. Raises ValueError."""
    own = document.with_name(document.name.removesuffix(IN) + CONTEXT)
    return _context(path.with_suffix("") / "context.json") | _context(own)


def outcome(mapping: Mapping, document: Any, context: Names[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """What the mapping gives, or its error in words. What it gives is held to BNG's models once more."""
    try:
        result = mapping(document, **context)
    except MappingError as error:
        return None, error.sentence()
    side, _, entity = mapping.head.target_name.partition("/")
    if side == "bng" and not mapping.head.is_partial:
        try:
            ENTITIES[entity].model_validate(result)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            return None, f"{place}: BNG's model does not take {first['input']!r}: {first['msg']}"
    return result, ""


def differences(expected: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where two documents differ, in words; numbers of one value are equal however they are written."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in [*expected, *(name for name in found if name not in expected)]:
            inner = f"{path}.{name}" if path else name
            if name not in found:
                yield f"{inner} is missing"
            elif name not in expected:
                yield f"{inner} is {_text(found[name])}, and nothing is expected there"
            else:
                yield from differences(expected[name], found[name], inner)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield f"{path or 'the document'} is {_text(found)}, expected is {_text(expected)}"


def _differences(mapping: Mapping, case: Case, back: Mapping | None) -> Iterator[str]:
    document = decimal_json.loads(case.document.read_bytes())
    if case.expected is None:
        yield f"has either {case.name}{OUT} or {case.name}{ERROR} beside it"
        return
    context = context_of(case.mapping, case.document)
    result, error = outcome(mapping, document, context)
    if case.expected.name.endswith(ERROR):
        yield from _missing(case.expected.read_text(encoding="utf-8"), result, error)
    elif result is None:
        yield error
    else:
        yield from differences(decimal_json.loads(case.expected.read_bytes()), result)
        if back is not None and mapping.head.round_trip is not None:
            yield from differences_there_and_back(mapping.head.round_trip, document, result, back, context)


def _missing(wanted: str, result: dict[str, Any] | None, error: str) -> Iterator[str]:
    if result is not None:
        yield "is mapped, and an error is expected"
        return
    for line in filter(None, map(str.strip, wanted.splitlines())):
        if line not in error:
            yield f"the error is {error!r}, which does not contain {line!r}"


def _way_back(mapping: Mapping, path: Path, schemas: Schemas) -> Mapping | None:
    declared = mapping.head.round_trip
    return load(templates.named(declared.file, path), schemas=schemas) if declared else None


def _context(path: Path) -> dict[str, Any]:
    found = decimal_json.loads(path.read_bytes()) if path.exists() else {}
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no JSON object")  # noqa: TRY004 # as for what is no JSON at all
    return found


def _finding(case: Case, message: str) -> Finding:
    return Finding(Position(str(case.document), 1, 1), case.name, message)


def _text(value: Any) -> str:
    text = decimal_json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
