"""The integrator's own tests of a flow: cases beside its file, run and compared.

Beside `orders.yaml` stands a folder `orders/` with, for each case, `CASE.in.json` (see rehearsal) and either `CASE.out.json`
(what the flow must do) or `CASE.error.txt` (lines that must all stand in its failure). What CASE.out.json does not say is
not compared, but the writes are all that there may be.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bng_bridge.flow_files.fit import misfits_of
from bng_bridge.flow_files.flow_file import Flow, load
from bng_bridge.flow_files.rehearsal import CaseError, rehearse
from bng_bridge.mapping.cases import ERROR, IN, OUT, Case, Tested, cases_of, differences
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mapping.mapping_set import MappingSet
from bng_bridge.mapping.schemas import Schemas
from bridge_common import decimal_json

_LISTS = ("writes", "emits")


def test_file(path: Path, mappings: MappingSet, schemas: Schemas, site: str) -> Tested:
    """Runs every case; a site's own file as `site`, or ''. Raises MappingFileError for a file with mistakes, and for one
    that does not go with the mappings.
    """
    tested = Tested(path)
    flow = load(path, schemas=schemas, coverage=tested.coverage)
    if found := tuple(misfits_of(flow, mappings, site)):
        raise MappingFileError(found)
    for case in cases_of(path):
        tested.cases += 1
        try:
            tested.findings += [_finding(case, message) for message in _differences(flow, mappings, case, site)]
        except (OSError, ValueError) as error:
            tested.findings.append(_finding(case, f"cannot be run: {error}"))
    if not tested.cases:
        message = f"no cases: put CASE{IN} and CASE{OUT} into {path.with_suffix('')}/"
        tested.findings.append(Finding(Position(str(path), 1, 1), "", message))
    return tested


def projected(expected: Any, found: Any) -> Any:
    """Of what was found, what the expectation speaks of."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {name: projected(value, found[name]) for name, value in expected.items() if name in found}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [projected(one, other) for one, other in zip(expected, found, strict=True)]
    return found


def _differences(flow: Flow, mappings: MappingSet, case: Case, site: str) -> Iterator[str]:
    if case.expected is None:
        yield f"has either {case.name}{OUT} or {case.name}{ERROR} beside it"
        return
    found = rehearse(flow, mappings, decimal_json.loads(case.document.read_bytes()), site)
    if case.expected.name.endswith(ERROR):
        yield from _missing(case.expected.read_text(encoding="utf-8"), found)
        return
    said = decimal_json.loads(case.expected.read_bytes())
    if not isinstance(said, dict):
        raise CaseError(f"{case.expected.name} is no JSON object")
    expected: dict[str, Any] = {key: [] for key in _LISTS} | said
    wanted = {key: value for key, value in expected.items() if key != "emits" or "emits" in found}
    yield from differences(wanted, projected(wanted, found))


def _missing(wanted: str, found: dict[str, Any]) -> Iterator[str]:
    if "error" not in found:
        yield f"ends {found['outcome']}, and a failure is expected"
        return
    error = f"{found['error']}: {found['reason']} {found['hint']}"
    for line in filter(None, map(str.strip, wanted.splitlines())):
        if line not in error:
            yield f"the failure is {error!r}, which does not contain {line!r}"


def _finding(case: Case, message: str) -> Finding:
    return Finding(Position(str(case.document), 1, 1), case.name, message)
