"""What systemd does on a real host: starts again what has ended by itself, and leaves alone what somebody stopped.

And what ended with 78: a mistake in the configuration, which no start would mend (the units' RestartPreventExitStatus).
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bridge_sandbox.stage import Stage

LOOK_S = 0.5
EX_CONFIG = 78


class Supervisor:
    """Watches the daemons inside the block.

    `restarts` counts what ended by itself, `endings` says how; `stays_down` are those that were not started again.
    """

    def __init__(self, stage: Stage) -> None:
        self.restarts: Counter[str] = Counter()
        self.endings: list[str] = []
        self.stays_down: list[str] = []
        self._stage = stage
        self._daemons = stage.plan.daemons
        self._began_s = time.monotonic()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @contextmanager
    def down(self, name: str, for_s: float) -> Iterator[None]:
        """The part is killed, the block runs, and after `for_s` seconds the part is started again."""
        with self._locks[name]:
            self._stage.kill(name)
            try:
                yield
                time.sleep(for_s)
            finally:
                self._stage.start(name)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            for name in self._daemons:
                if self._locks[name].acquire(blocking=False):
                    try:
                        self._revive(name)
                    finally:
                        self._locks[name].release()

    def _revive(self, name: str) -> None:
        program = self._stage.program(name)
        if program.is_alive or name in self.stays_down:
            return
        self.endings.append(
            f"{name} at {time.monotonic() - self._began_s:.0f} s with {program.exit_code}: {program.last_line()}"
        )
        if program.exit_code == EX_CONFIG:
            self.stays_down.append(name)
            return
        self.restarts[name] += 1
        program.start()
