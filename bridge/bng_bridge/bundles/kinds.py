"""The kinds of files that a bundle holds, each in a folder of its own name.

A further kind is one line in KINDS, the argument for its folder in `load`, and its folder in `installation_of`. What makes
and tests mappings is imported late: bridgectl reads the names of the kinds for every command.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bng_bridge.flow_files.file_set import FileSet
    from bng_bridge.mapping.cases import Tested
    from bng_bridge.mapping.schemas import Schemas

Tree = Mapping[str, Path | None]
"""The folder of each kind. None: what comes with the bridge counts."""


def _test_mapping(path: Path, schemas: "Schemas", _: Tree) -> "Tested":
    from bng_bridge.mapping.cases import test_file

    return test_file(path, schemas)


def _test_flow(path: Path, schemas: "Schemas", tree: Tree) -> "Tested":
    """With the mappings that it is bundled with."""
    from bng_bridge.flow_files.cases import test_file
    from bng_bridge.mapping.mapping_set import load_mappings

    mappings = load_mappings(tree.get("mappings"), sites_of(tree), with_cases=False)
    site = "" if path.parent == tree.get("flows") else path.parent.name
    return test_file(path, mappings, schemas, site)


KINDS: Mapping[str, "Callable[[Path, Schemas, Tree], Tested]"] = {
    "mappings": _test_mapping,
    "flows": _test_flow,
}
"""What runs the cases beside a file. Raises MappingFileError for a file with mistakes."""


def load(tree: Tree, sites: Collection[str], *, with_cases: bool = True) -> "FileSet":
    """Raises MappingFileError with all findings, ConfigError for a plug-in that cannot be loaded."""
    from bng_bridge.flow_files.file_set import load_set

    return load_set(tree.get("mappings"), sites, tree.get("flows"), with_cases=with_cases)


def tree_of(folder: Path) -> Tree:
    """An unpacked bundle's."""
    return {kind: folder / kind if (folder / kind).is_dir() else None for kind in KINDS}


def files_of(folder: Path) -> list[Path]:
    """Those for all sites, and each site's own."""
    return [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))]


def sites_of(tree: Tree) -> set[str]:
    """Those that have files of their own."""
    return {path.parent.name for folder in tree.values() if folder for path in folder.glob("*/*.yaml")}
