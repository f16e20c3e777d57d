"""Files of somebody's own, checked as they would be put in force: each in place of the template of its name."""

from collections.abc import Sequence
from pathlib import Path

from bng_bridge.flow_files import templates
from bng_bridge.flow_files.fit import misfits
from bng_bridge.flow_files.flow_file import Flow, load
from bng_bridge.flow_files.flow_set import flow_set
from bng_bridge.mapping.findings import Finding, MappingFileError
from bng_bridge.mapping.folders import ALL_SITES, Key, files_in
from bng_bridge.mapping.mapping_set import MappingSet
from bng_bridge.mapping.schemas import Schemas


def with_sites(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """(site, path): what stands deeper than others is the site's that its folder is called by."""
    top = min((path.parent for path in paths), key=lambda each: len(each.parts))
    return [(ALL_SITES if path.parent == top else path.parent.name, path) for path in paths]


def findings_of(paths: Sequence[Path], mappings: MappingSet, schemas: Schemas) -> list[Finding]:
    """All mistakes of all files, and then whether they go with each other and with the mappings."""
    own, findings = dict[Key, Flow](), list[Finding]()
    for site, path in with_sites(paths):
        try:
            own[site, path.stem] = load(path, schemas=schemas)
        except MappingFileError as error:
            findings += error.findings
    if findings:
        return sorted(findings)
    shipped = {key: load(path) for key, path in files_in(templates.folder()).items() if key not in own}
    sites = {site for site, _ in own} - {ALL_SITES}
    try:
        found = flow_set(shipped | own, sites, frozenset(own))
    except MappingFileError as error:
        return list(error.findings)
    return sorted(dict.fromkeys(misfits(found, mappings, sites)))
