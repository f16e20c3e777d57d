"""The kinds of files that a bundle holds, each in a folder of its own name.

A further kind is one line in KINDS, the argument for its folder in `load`, and its folder in `installation_of`. What makes
and tests mappings is imported late: bridgectl reads the names of the kinds for every command.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bng_bridge.mapping.cases import Tested
    from bng_bridge.mapping.mapping_set import MappingSet
    from bng_bridge.mapping.schemas import Schemas

Tree = Mapping[str, Path | None]
"""The folder of each kind. None: what comes with the bridge counts."""


def _test_mapping(path: Path, schemas: "Schemas") -> "Tested":
    from bng_bridge.mapping.cases import test_file

    return test_file(path, schemas)


KINDS: Mapping[str, "Callable[[Path, Schemas], Tested]"] = {
    "mappings": _test_mapping,
}
"""What runs the cases beside a file. Raises MappingFileError for a file with mistakes."""


def load(tree: Tree, sites: Collection[str], *, with_cases: bool = True) -> "MappingSet":
    """Raises MappingFileError with all findings, ConfigError for a plug-in that cannot be loaded."""
    from bng_bridge.mapping.mapping_set import load_set

    return load_set(tree.get("mappings"), sites, with_cases=with_cases)


def tree_of(folder: Path) -> Tree:
    """An unpacked bundle's."""
    return {kind: folder / kind if (folder / kind).is_dir() else None for kind in KINDS}


def files_of(folder: Path) -> list[Path]:
    """Those for all sites, and each site's own."""
    return [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))]


def sites_of(tree: Tree) -> set[str]:
    """Those that have files of their own."""
    return {path.parent.name for folder in tree.values() if folder for path in folder.glob("*/*.yaml")}
