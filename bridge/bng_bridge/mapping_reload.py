"""Puts edited mapping files in force while flows run.

edit → a quiet half second → load and check all → run the cases beside them → swap. On any finding nothing changes, and an
alert lasts until the files are good again. Flows go on meanwhile: checking is done in a thread, and a flow that is under way
ends on the mappings that it began with.
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
from bng_bridge.mapping import templates
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mapping.mapping_set import load_set
from bng_bridge.mappings import Mappings
from bridge_common.errors import ConfigError
from bridge_common.log import log

ALERT = "mappings-refused"
QUIET_S = 0.5
"""An editor writes a file in pieces, and a copy brings many: looked at once no more has come for so long."""

_CHANGES = frozenset({"created", "modified", "moved", "deleted"})
"""What watchdog calls them. Reading makes events, too: `opened` and `closed_no_write`, which must not lead to a reading."""


class MappingReload:
    """`run` watches the folder; `reload` loads at once; `ask` is for a signal."""

    def __init__(self, mappings: Mappings, folder: Path | None, sites: Collection[str], alerts: Alerts) -> None:
        self.mappings = mappings
        self.folder = folder
        self._sites = sites
        self._alerts = alerts
        self._asked = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        with self._watching():
            if self.folder is not None:
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
                found = await asyncio.to_thread(load_set, self.folder, self._sites)
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
                log("reloaded", mappings=found.identity[:12])
            return ()

    def _finding(self, message: str) -> Finding:
        return Finding(Position(str(self.folder), 1, 1), "", message)

    def _refuse(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        first = str(findings[0])
        if first != self.mappings.refused:
            log("reload_refused", level=logging.WARNING, findings=len(findings), first=first)
        self.mappings.refused = first
        folder = self.folder or templates.folder()
        hint = f"bridgectl map check {folder}; bridgectl map test {folder}"
        self._alerts.begin(ALERT, f"mapping files are not put in force: {first}", hint=hint)
        return findings

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """`ask` for whatever changes in the folder. A bridge that cannot watch it goes on, and takes SIGHUP and `reload`."""
        observer = Observer()
        if self.folder is not None:
            try:
                observer.schedule(Watcher(self.ask), str(self.folder), recursive=True)
                observer.start()
            except OSError as error:
                hint = "bridgectl map reload puts edited files in force."
                self._alerts.tell(f"{self.folder} cannot be watched: {error}", key="mappings-unwatched", hint=hint)
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
