"""Puts edited flow and mapping files in force while flows run.

edit → a quiet half second → load and check all → run the cases beside them → swap. On any finding nothing changes, and an
alert lasts until the files are good again. Flows go on meanwhile: checking is done in a thread, and a flow that is under way
ends on the files that it began with.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from bng_bridge.alerts import Alerts
from bng_bridge.flow_files.file_set import load_set
from bng_bridge.mapping import templates
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mappings import Mappings
from bridge_common.errors import ConfigError
from bridge_common.log import log

ALERT = "mappings-refused"
QUIET_S = 0.5
"""An editor writes a file in pieces, and a copy brings many: looked at once no more has come for so long."""

_CHANGES = frozenset({"created", "modified", "moved", "deleted"})
"""What watchdog calls them. Reading makes events, too: `opened` and `closed_no_write`, which must not lead to a reading."""


class MappingReload:
    """`run` watches the folders, of mappings and of flows; `reload` loads at once; `ask` is for a signal."""

    def __init__(
        self,
        mappings: Mappings,
        folder: Path | None,
        sites: Collection[str],
        alerts: Alerts,
        *,
        flows_folder: Path | None = None,
    ) -> None:
        self.mappings = mappings
        self.folder = folder
        self.flows_folder = flows_folder
        self._sites = sites
        self._alerts = alerts
        self._asked = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        with self._watching():
            if self._folders():
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
                found = await asyncio.to_thread(load_set, self.folder, self._sites, self.flows_folder)
            except MappingFileError as error:
                return self._refuse(error.findings)
            except ConfigError as error:
                return self._refuse((self._finding(error.sentence()),))
            except Exception as error:  # a function of a plug-in may raise whatever it likes, and the bridge goes on
                log("bug", level=logging.ERROR, exc_info=True, error=repr(error))
                return self._refuse((self._finding(f"cannot be checked: {error!r}"),))
            self.mappings.refused = ""
            self._alerts.end(ALERT)
            if found.identity != self.mappings.current.identity:
                self.mappings.swap(found)
                log("reloaded", files=found.identity[:12])
            return ()

    def _finding(self, message: str) -> Finding:
        return Finding(Position(str(self.folder or self.flows_folder), 1, 1), "", message)

    def _refuse(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        first = str(findings[0])
        if first != self.mappings.refused:
            log("reload_refused", level=logging.WARNING, findings=len(findings), first=first)
        self.mappings.refused = first
        self._alerts.begin(ALERT, f"edited files are not put in force: {first}", hint=self._hint(findings))
        return findings

    def _hint(self, findings: tuple[Finding, ...]) -> str:
        """The commands that say more of the first mistake."""
        folder, command = self.folder or templates.folder(), "map"
        if self.flows_folder is not None and Path(findings[0].at.file).is_relative_to(self.flows_folder):
            folder, command = self.flows_folder, "flow"
        return f"bridgectl {command} check {folder}; bridgectl {command} test {folder}"

    def _folders(self) -> list[Path]:
        return [each for each in (self.folder, self.flows_folder) if each is not None]

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """`ask` for whatever changes in the folders. A bridge that cannot watch one goes on, and takes SIGHUP and
        `reload`."""
        observer = Observer()
        observer.start()
        for folder in self._folders():
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
