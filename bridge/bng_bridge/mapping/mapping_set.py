"""All mapping files of one moment: the shipped templates, what a folder has in their place, and what it has for one site.

    mappings_dir/order-to-sales-order.yaml          in place of the template of that name
    mappings_dir/shop1/order-to-sales-order.yaml    in place of both, for shop1

A set never changes, so whoever holds one sees the same mappings until its end. Nothing is half loaded: either all files
are good, or MappingFileError names every mistake of all of them.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bng_bridge.mapping import templates
from bng_bridge.mapping.cases import cases_of
from bng_bridge.mapping.cases import test_file as run_cases
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mapping.folders import ALL_SITES, Key, files_in, own_files
from bng_bridge.mapping.mapping_file import Mapping, load
from bng_bridge.mapping.schemas import Schemas


@dataclass(frozen=True)
class MappingSet:
    """`identity` is a hash of all that determines what the mappings give."""

    identity: str
    _table: dict[Key, Mapping]

    def __call__(self, site: str, name: str) -> Mapping:
        """The mapping of that name that counts for the site. Raises KeyError for a name that nobody has."""
        return self._table.get((site, name)) or self._table[ALL_SITES, name]

    def __contains__(self, key: Key) -> bool:
        """Whether there is a mapping of that name that counts for the site."""
        return key in self._table or (ALL_SITES, key[1]) in self._table

    def files(self) -> Iterator[tuple[str, str, Mapping]]:
        """(site, name, mapping), those for all sites first, with '' for the site."""
        for site, name in sorted(self._table):
            yield site, name, self._table[site, name]


def load_mappings(folder: Path | None, sites: Collection[str], *, with_cases: bool = True) -> MappingSet:
    """The templates, and in their place the files of `folder`, whose cases have passed, unless they are not run.

    Raises MappingFileError with all findings, ConfigError for a plug-in that cannot be loaded.
    """
    schemas, findings = Schemas(), list[Finding]()
    own = own_files(folder, sites, "mapping", findings)
    loaded: dict[Key, Mapping] = {}
    for key, path in (files_in(templates.folder()) | own).items():
        try:
            loaded[key] = load(path, schemas=schemas)
            if key in own:
                findings += misfits(loaded[key])
                findings += _failed_cases(path, schemas) if with_cases else []
        except MappingFileError as error:
            findings += error.findings
    if findings:
        raise MappingFileError(findings)
    parts = (f"{site}\0{name}\0{mapping.identity}" for (site, name), mapping in sorted(loaded.items()))
    return MappingSet(hashlib.sha256("\0".join(parts).encode()).hexdigest(), loaded)


def misfits(mapping: Mapping) -> Iterator[Finding]:
    """Where a file is between other documents than the template of its name.

    What flows give to it beside its document is held to the flows: see flow_files.fit.
    """
    path, shipped_path = Path(mapping.path), templates.folder() / Path(mapping.path).name
    if not shipped_path.is_file() or path.absolute() == shipped_path.absolute():
        return
    head, shipped = mapping.head, load(shipped_path).head
    for key, own, wanted in (
        ("source", head.source_name, shipped.source_name), ("target", head.target_name, shipped.target_name),
    ):  # fmt: skip
        if own != wanted:
            yield Finding(
                Position(mapping.path, 1, 1), key, f"{path.name} is from and to other documents: {key} {wanted}"
            )


def _failed_cases(path: Path, schemas: Schemas) -> list[Finding]:
    """A file without cases has none that fail."""
    return run_cases(path, schemas).findings if any(cases_of(path)) else []
