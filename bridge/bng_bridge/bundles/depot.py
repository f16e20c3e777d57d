"""The bundles kept at a bridge, below its state folder.

    bundles/history.jsonl        what was put in force when; its last line is what is
    bundles/IDENTITY/            one bundle, unpacked: bundle.json, bundle.sha256, mappings/

A bundle's folder appears whole, by a rename, before the history names it, and is taken away after no line that still counts
does. A crash leaves at most a folder that begins with a dot, which the next deployment removes.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from bng_bridge.bundles import files, history
from bng_bridge.bundles.bundle import Bundle, checked
from bng_bridge.bundles.history import NONE, Entry
from bng_bridge.bundles.refused import DEPLOY_AGAIN, BundleRefused
from bridge_common import durable
from bridge_common.disk import unusable
from bridge_common.errors import BridgeError

KEPT = 10
"""Bundles that a rollback can go to. The one in force and the one before it are kept in any case."""


class Depot:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history = folder / "history.jsonl"

    def folder_of(self, identity: str) -> Path:
        return self.folder / identity

    def entries(self) -> list[Entry]:
        """The oldest first. Raises BundleRefused."""
        with self._usable():
            return history.read(self._history)

    def in_force(self) -> str:
        """The identity of the deployed bundle; NONE when there is none."""
        return history.in_force(self.entries())

    def find(self, beginning: str) -> str:
        """The one kept bundle whose identity begins so. Raises BundleRefused."""
        found = sorted(each.name for each in self._bundles() if each.name.startswith(beginning))
        if len(found) != 1:
            fault = f"is the beginning of {len(found)} bundles" if found else "is not kept here"
            raise BundleRefused(f"{beginning} {fault}.", hint="bridgectl bundle history lists them.")
        return found[0]

    def kept(self) -> set[str]:
        return {each.name for each in self._bundles()}

    def look(self, identity: str) -> Bundle:
        """As it lies here, every hash compared. Raises BundleRefused for one that is gone or was changed."""
        folder = self.folder_of(identity)
        if not folder.is_dir():
            raise BundleRefused(f"The bundle {identity[:12]} is missing: there is no {folder}.", hint=DEPLOY_AGAIN)
        try:
            with self._usable():
                found = checked({path.relative_to(folder).as_posix(): path.read_bytes() for path in _walk(folder)})
        except BundleRefused as error:
            raise BundleRefused(
                f"{folder} was changed after it was deployed: {error.message}", hint=DEPLOY_AGAIN
            ) from error
        if found.identity != identity:
            raise BundleRefused(f"{folder} holds another bundle, {found.identity[:12]}.", hint=DEPLOY_AGAIN)
        return found

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One change at a time, also of another process. Raises BundleRefused during another one."""
        with self._usable():
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
            except BlockingIOError as error:
                raise BundleRefused("Another bundle is being deployed just now.", hint="Try again.") from error
            finally:
                os.close(lock)

    def unpack(self, bundle: Bundle) -> None:
        """Puts it beside the others, whole or not at all; in the place of one that was changed."""
        folder, new = self.folder_of(bundle.identity), self.folder / f".new-{bundle.identity}"
        if folder.exists():
            try:
                self.look(bundle.identity)
                return
            except BundleRefused:
                pass
        shutil.rmtree(new, ignore_errors=True)
        files.spread(bundle.contents, new)
        if folder.exists():
            self._take_away(folder)
        durable.rename(new, folder)

    def put_in_force(self, entry: Entry) -> None:
        """The one moment at which something else counts."""
        history.append(self._history, self.entries(), entry)

    def clean(self) -> None:
        """Removes what a crash has left, what was refused, and all but the last KEPT bundles. What it cannot, stays."""
        with contextlib.suppress(OSError, BridgeError):
            self._clean()

    def _clean(self) -> None:
        entries = self.entries()
        wanted = {history.in_force(entries), history.before(entries)}
        for entry in reversed(entries):
            if len(wanted - {NONE}) < KEPT:
                wanted.add(entry.identity)
        for folder in self._bundles():
            if folder.name not in wanted:
                self._take_away(folder)
        for left in (*self.folder.glob(".new-*"), *self.folder.glob(".old-*")):
            shutil.rmtree(left, ignore_errors=True)

    def _bundles(self) -> Collection[Path]:
        if not self.folder.is_dir():
            return ()
        return [each for each in self.folder.iterdir() if each.is_dir() and not each.name.startswith(".")]

    def _take_away(self, folder: Path) -> None:
        """By a rename first: there is never a half of a bundle under a bundle's name."""
        old = self.folder / f".old-{folder.name}"
        shutil.rmtree(old, ignore_errors=True)
        durable.rename(folder, old)
        shutil.rmtree(old, ignore_errors=True)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            raise
        except OSError as error:
            raise unusable(
                self.folder,
                error,
                hint="It must belong to the service's user: chown -R bng-bridge: and run as that user.",
            ) from error


def _walk(folder: Path) -> Iterator[Path]:
    """Every file that counts. A hidden one does not, unless it would be taken for a file of mappings."""
    yield from files.walk(folder)
    yield from folder.rglob(".*.yaml")
