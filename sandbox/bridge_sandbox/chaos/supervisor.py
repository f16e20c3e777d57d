"""What systemd does on a real host: starts again what has ended by itself, and leaves alone what somebody stopped.

And what ended as its unit in systemd/ says: by Restart=on-failure whatever ended well, and RestartPreventExitStatus.
"""

import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bridge_sandbox.stage import Stage

LOOK_S = 0.5
NO_FAILURE = frozenset({0, -signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM, -signal.SIGPIPE})
"""What Restart=on-failure takes for a good end (systemd.service(5)), in both units."""
PREVENTED = {"agent": frozenset({76, 78}), "bridge": frozenset({78})}
"""RestartPreventExitStatus of systemd/magento-agent.service and systemd/bng-bridge.service."""


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
    def down(self, name: str, for_s: float) -> Iterator[bool]:
        """The part is killed, the block runs, and after `for_s` seconds the part is started again.

        Says whether it was up. What has ended by itself and is to stay down is not started here either.
        """
        with self._locks[name]:
            was_up = name not in self._daemons or self._stage.program(name).is_alive
            if not was_up:
                self._revive(name)
            self._stage.kill(name)
            try:
                yield was_up
                time.sleep(for_s)
            finally:
                if name not in self.stays_down:
                    self._stage.start(name)

    @contextmanager
    def spared(self, name: str) -> Iterator[None]:
        """Inside the block no fault ends the part, and when it ends by itself it is not started again yet."""
        with self._locks[name]:
            yield

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
        if is_left_alone(name, program.exit_code):
            self.stays_down.append(name)
            return
        self.restarts[name] += 1
        program.start()


def is_left_alone(name: str, exit_code: int | None) -> bool:
    """Whether systemd would not start this daemon again after this end; negative is the signal that ended it."""
    return exit_code in NO_FAILURE | PREVENTED[name.partition("-")[0]]
