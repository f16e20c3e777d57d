"""Flows and mappings of one moment: checked together and exchanged together, for each is made for the others."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bng_bridge.flow_files.cases import test_file as run_cases
from bng_bridge.flow_files.fit import misfits
from bng_bridge.flow_files.flow_set import FlowSet, load_flows
from bng_bridge.mapping.cases import cases_of
from bng_bridge.mapping.findings import Finding, MappingFileError
from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.mapping.mapping_set import MappingSet, load_mappings
from bng_bridge.mapping.schemas import Schemas


@dataclass(frozen=True)
class FileSet:
    """Never changes, so whoever holds one sees the same files until its end. `identity` is a hash of all that determines
    what flows and mappings do."""

    identity: str
    flows: FlowSet
    mappings: MappingSet

    def __call__(self, site: str, name: str) -> Mapping:
        """The mapping of that name that counts for the site. Raises KeyError for a name that nobody has."""
        return self.mappings(site, name)

    def files(self) -> Iterator[tuple[str, str, Mapping]]:
        """(site, name, mapping), those for all sites first, with '' for the site."""
        return self.mappings.files()


def load_set(
    mappings: Path | None, sites: Collection[str], flows: Path | None = None, *, with_cases: bool = True
) -> FileSet:
    """The templates, and in their place the files of both folders, whose cases have passed, unless they are not
    run.

    Raises MappingFileError with all findings of all files, ConfigError for a plug-in that cannot be loaded.
    """
    findings: list[Finding] = []
    found_flows = found_mappings = None
    try:
        found_flows = load_flows(flows, sites)
    except MappingFileError as error:
        findings += error.findings
    try:
        found_mappings = load_mappings(mappings, sites, with_cases=with_cases)
    except MappingFileError as error:
        findings += error.findings
    if found_flows is None or found_mappings is None:
        raise MappingFileError(findings)
    return file_set(found_flows, found_mappings, sites, with_cases=with_cases)


def file_set(flows: FlowSet, mappings: MappingSet, sites: Collection[str], *, with_cases: bool = True) -> FileSet:
    """Raises MappingFileError where they do not go together, or a case of a user's own flow fails."""
    findings = list(dict.fromkeys(misfits(flows, mappings, sites)))
    if not findings and with_cases:
        findings += _failed_cases(flows, mappings)
    if findings:
        raise MappingFileError(findings)
    identity = hashlib.sha256(f"{flows.identity}\0{mappings.identity}".encode()).hexdigest()
    return FileSet(identity, flows, mappings)


def _failed_cases(flows: FlowSet, mappings: MappingSet) -> Iterator[Finding]:
    """Of a user's own flows. One without cases has none that fail."""
    for site, name, flow in flows.files():
        path = Path(flow.path)
        if (site, name) in flows.own and any(cases_of(path)):
            yield from run_cases(path, mappings, Schemas(), site).findings
