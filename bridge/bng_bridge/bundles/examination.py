"""Check and test everything in an unpacked bundle, against the templates, plug-ins and sites of this installation."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bng_bridge.bundles import kinds
from bng_bridge.bundles.label import Results
from bng_bridge.mapping.cases import Tested
from bng_bridge.mapping.findings import Finding, MappingFileError
from bng_bridge.mapping.schemas import Schemas

MOST_FINDINGS = 20
"""In a label: whoever wants them all runs `bridgectl map test`."""


@dataclass(frozen=True)
class Examined:
    """`mapping_set` is the identity of what the files make of the mappings here, "" when they cannot be loaded."""

    mapping_set: str
    findings: tuple[str, ...]
    tests: Results


def examine(folder: Path, sites: Collection[str] | None = None) -> Examined:
    """The unpacked bundle in `folder`; `sites` are the installation's, None where they are not known.

    A file without cases is a finding, as for `bridgectl map test`: nothing of it was tested.
    """
    tree = kinds.tree_of(folder)
    identity, found = "", dict[Finding, None]()
    try:
        identity = kinds.load(tree, kinds.sites_of(tree) if sites is None else sites, with_cases=False).identity
    except MappingFileError as error:
        found |= dict.fromkeys(error.findings)
    tested = _tested(tree, found)
    return _summed(identity, tested, tuple(str(each).replace(f"{folder}/", "") for each in sorted(found)))


def _tested(tree: kinds.Tree, found: dict[Finding, None]) -> list[Tested]:
    schemas, tested = Schemas(), list[Tested]()
    for kind, test in kinds.KINDS.items():
        place = tree[kind]
        for path in kinds.files_of(place) if place else ():
            try:
                tested.append(test(path, schemas, tree))
                found |= dict.fromkeys(tested[-1].findings)
            except MappingFileError as error:
                found |= dict.fromkeys(error.findings)
    return tested


def _summed(identity: str, tested: list[Tested], findings: tuple[str, ...]) -> Examined:
    counts = [each.coverage.counts() for each in tested]
    tests = Results(
        passed=not findings,
        cases=sum(each.cases for each in tested),
        failed=sum(len({(each.at.file, each.field) for each in one.findings}) for one in tested if one.cases),
        rules_reached=sum(rules for (rules, _), _ in counts),
        rules=sum(rules for (_, rules), _ in counts),
        entries_reached=sum(entries for _, (entries, _) in counts),
        entries=sum(entries for _, (_, entries) in counts),
        findings=findings[:MOST_FINDINGS],
    )
    return Examined(identity, findings, tests)
