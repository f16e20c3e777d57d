"""Puts edited flow and mapping files in force while flows run.

edit → a quiet half second → load and check all → run the cases beside them → swap. On any finding nothing changes, and an
alert lasts until the files are good again. Flows go on meanwhile: checking is done in a thread, and a flow that is under way
ends on the files that it began with. Where a bundle is deployed it is what is loaded, and `change` puts another in force.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bundles.installation import Change, Installation, Loaded
from bng_bridge.flow_files import templates as flow_templates
from bng_bridge.mapping import templates
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mappings import Mappings
from bridge_common.errors import BridgeError
from bridge_common.log import log

ALERT = "mappings-refused"
QUIET_S = 0.5
"""An editor writes a file in pieces, and a copy brings many: looked at once no more has come for so long."""

_CHANGES = frozenset({"created", "modified", "moved", "deleted"})
"""What watchdog calls them. Reading makes events, too: `opened` and `closed_no_write`, which must not lead to a reading."""


class MappingReload:
    """`run` watches the folders; `reload` loads at once; `change` deploys or rolls back; `ask` is for a signal."""

    def __init__(self, mappings: Mappings, installation: Installation, alerts: Alerts) -> None:
        self.mappings = mappings
        self.installation = installation
        self._alerts = alerts
        self._asked = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    @property
    def folder(self) -> Path:
        """Of the mapping files that count. Raises BundleRefused."""
        return self.installation.tree()["mappings"] or templates.folder()

    @property
    def flows_folder(self) -> Path:
        """Of the flow files that count. Raises BundleRefused."""
        return self.installation.tree().get("flows") or flow_templates.folder()

    def out_of_force(self) -> list[str]:
        """Folders of files that are edited here, which do not count while a bundle is deployed."""
        return [str(folder) for folder in self.installation.own.values() if folder and self.mappings.bundle]

    async def run(self) -> None:
        with self._watching():
            if self.mappings.bundle or any(self.installation.own.values()):
                # What was edited after the start had read the files and before the watch stood.
                self.ask()
            while True:
                await self._asked.wait()
                while self._asked.is_set():
                    self._asked.clear()
                    await asyncio.sleep(QUIET_S)
                await self.reload()

    def ask(self) -> None:
        """Soon, from the event loop."""
        self._asked.set()

    async def reload(self) -> tuple[Finding, ...]:
        """What is wrong with the files; nothing when they are in force now."""
        async with self._one_at_a_time:
            try:
                found = await asyncio.to_thread(self.installation.load)
            except MappingFileError as error:
                return self._refuse(error.findings)
            except BridgeError as error:
                return self._refuse((self._finding(error.message, error.hint),), error.hint)
            except Exception as error:  # a function of a plug-in may raise whatever it likes, and the bridge goes on
                log("bug", level=logging.ERROR, exc_info=True, error=repr(error))
                return self._refuse((self._finding(f"cannot be checked: {error!r}"),))
            self._put_in_force(found)
            return ()

    async def change(self, change: Callable[[], Change]) -> Change:
        """Deploy or roll back, in a thread, and put in force what it gives. Raises what it raises: then nothing changes."""
        async with self._one_at_a_time:
            changed = await asyncio.to_thread(change)
            self._put_in_force(changed.loaded)
            return changed

    def _put_in_force(self, found: Loaded) -> None:
        self.mappings.refused, self.mappings.bundle = "", found.bundle
        self._alerts.end(ALERT)
        if found.mappings.identity != self.mappings.current.identity:
            self.mappings.swap(found.mappings)
            log("reloaded", files=found.mappings.identity[:12])

    def _finding(self, message: str, hint: str = "") -> Finding:
        return Finding(Position(str(self._place()), 1, 1), "", message, hint)

    def _refuse(self, findings: tuple[Finding, ...], hint: str = "") -> tuple[Finding, ...]:
        first = str(findings[0])
        if first != self.mappings.refused:
            log("reload_refused", level=logging.WARNING, findings=len(findings), first=first)
        self.mappings.refused = first
        self._alerts.begin(ALERT, f"files are not put in force: {first}", hint=hint or self._hint(findings[0].at))
        return findings

    def _hint(self, at: Position) -> str:
        """The commands that say more of a mistake there."""
        folder, command = self._place(), "map"
        with contextlib.suppress(BridgeError):
            if Path(at.file).is_relative_to(self.flows_folder):
                folder, command = self.flows_folder, "flow"
        return f"bridgectl {command} check {folder}; bridgectl {command} test {folder}"

    def _place(self) -> Path:
        """Where to look, also when it cannot be told what counts."""
        try:
            return self.folder
        except BridgeError:
            return self.installation.depot.folder

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """`ask` for whatever changes in a folder. A bridge that cannot watch one goes on, and takes SIGHUP and `reload`."""
        observer = Observer()
        observer.start()
        depot = self.installation.depot.folder
        with contextlib.suppress(OSError):  # said below: what is not there cannot be watched
            depot.mkdir(parents=True, exist_ok=True)
        for folder in (depot, *filter(None, self.installation.own.values())):
            try:
                observer.schedule(Watcher(self.ask), str(folder), recursive=True)
            except OSError as error:
                hint = "bridgectl map reload puts edited files in force."
                self._alerts.tell(f"{folder} cannot be watched: {error}", key="mappings-unwatched", hint=hint)
        try:
            yield
        finally:
            observer.stop()


class Watcher(FileSystemEventHandler):
    """Calls `changed` in the event loop, from watchdog's thread."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in _CHANGES:
            # The loop is closed already when the daemon has stopped.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._changed)
