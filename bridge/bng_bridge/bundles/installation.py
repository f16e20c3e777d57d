"""Which files count at a bridge: those of the deployed bundle; without one those of its own folders; without them what
comes with the bridge.

In production there is only the deployed bundle, and only one whose tests passed where it was built and pass here.
A deployment is: read and check all → unpack beside → check and run all cases here → put in force, by one rename
(`Depot.put_in_force`). A crash before it leaves the old in force, a crash after it the new; nothing is in force in part.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from bng_bridge.bundles import bundle as bundles
from bng_bridge.bundles import history, kinds
from bng_bridge.bundles.depot import Depot
from bng_bridge.bundles.history import NONE, Entry
from bng_bridge.bundles.label import Label
from bng_bridge.bundles.refused import BundleRefused
from bng_bridge.config import BridgeConfig
from bng_bridge.flow_files.file_set import FileSet
from bridge_common.clock import to_text, utc_now

BACK_TO_NONE = "none"
"""How an operator names no bundle."""


@dataclass(frozen=True)
class Loaded:
    """`bundle`: the identity of the bundle that it is from, NONE for the bridge's own folders and the templates."""

    mappings: FileSet
    bundle: str


@dataclass(frozen=True)
class Change:
    """What is in force now. `is_new` is False when it was in force already."""

    entry: Entry
    is_new: bool
    loaded: Loaded


@dataclass(frozen=True)
class Installation:
    """`own`: the folders of the configuration, in which files are edited; none in production."""

    depot: Depot
    own: kinds.Tree
    sites: Collection[str]
    is_production: bool = False

    def load(self) -> Loaded:
        """What counts now. Raises BundleRefused, MappingFileError, ConfigError."""
        return self._load(self.depot.in_force())

    def tree(self) -> kinds.Tree:
        """Where it comes from. Raises BundleRefused."""
        identity = self.depot.in_force()
        return self.own if identity == NONE else kinds.tree_of(self.depot.folder_of(identity))

    def deploy(self, packed: bytes, *, by: str, note: str = "") -> Change:
        """Raises BundleRefused and what `load` raises; then nothing has changed."""
        bundle = bundles.read(packed)
        self._accept(bundle.label)
        with self.depot.changing():
            self.depot.unpack(bundle)
            return self._change("deploy", bundle.identity, by, note)

    def rollback(self, *, by: str, to: str = "", note: str = "") -> Change:
        """To what was in force before, or to the kept bundle whose identity begins with `to`. Raises as `deploy`."""
        with self.depot.changing():
            entries = self.depot.entries()
            if history.in_force(entries) == NONE and to in ("", BACK_TO_NONE):
                raise BundleRefused("No bundle is deployed: there is nothing to go back from.")
            identity = NONE if to == BACK_TO_NONE else self.depot.find(to) if to else history.before(entries)
            if identity == NONE and self.is_production:
                raise BundleRefused(
                    "No bundle was in force before, and in production nothing else counts.",
                    hint="bridgectl bundle deploy FILE puts another one in force.",
                )
            return self._change("rollback", identity, by, note)

    def _change(self, action: Literal["deploy", "rollback"], identity: str, by: str, note: str) -> Change:
        try:
            loaded = self._load(identity)
        except Exception:
            self.depot.clean()
            raise
        entries = self.depot.entries()
        previous = history.in_force(entries)
        if identity == previous:
            return Change(entries[-1], is_new=False, loaded=loaded)
        about = {} if identity == NONE else _about(self.depot.look(identity).label)
        entry = Entry(
            at=to_text(utc_now()), action=action, identity=identity, previous=previous, by=by, note=note, **about
        )
        self.depot.put_in_force(entry)
        self.depot.clean()
        return Change(entry, is_new=True, loaded=loaded)

    def _load(self, identity: str) -> Loaded:
        if identity == NONE:
            if self.is_production:
                raise BundleRefused(
                    "No bundle is deployed, and in production nothing else counts.",
                    hint="bridgectl bundle deploy FILE; while the bridge does not run: bng-bridge bundle deploy FILE.",
                )
            return Loaded(kinds.load(self.own, self.sites), NONE)
        label = self.depot.look(identity).label
        self._accept(label)
        tree = kinds.tree_of(self.depot.folder_of(identity))
        try:
            return Loaded(kinds.load(tree, self.sites, with_cases=label.tests.passed), identity)
        finally:
            # What was read in between is the bundle only if it still is; and if it is not, that is the cause to name.
            self.depot.look(identity)

    def _accept(self, label: Label) -> None:
        """Raises BundleRefused. Elsewhere than in production, one with failing tests is for looking at it."""
        if self.is_production and not label.tests.passed:
            raise BundleRefused(
                f"{label.name} {label.version} was built with failing tests ({label.tests.sentence()}); in production only "
                "bundles count whose tests passed.",
                hint="Mend it and build it again.",
            )


def _about(label: Label) -> dict[str, object]:
    return {"name": label.name, "version": label.version, "tests": label.tests}


def installation_of(config: BridgeConfig) -> Installation:
    """A bridge's, by its configuration."""
    daemon = config.bridge
    own = {"mappings": daemon.mappings_dir, "flows": daemon.flows_dir}
    return Installation(Depot(daemon.state_dir / "bundles"), own, config.sites, daemon.mode == "production")
