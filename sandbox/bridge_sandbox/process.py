"""One program run as a child process, with its output in a log file; and waiting on a condition with a deadline."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.03
STOP_TIMEOUT_S = 15.0
LAST_LINES = 15


class ProgramFailed(Exception):
    """A program did not get ready, or ended by itself; the text names it and ends with the last lines of its log."""


class WaitedInVain(Exception):
    """A condition did not come true in time; the text says which."""


class Program:
    """A child process, started and stopped any number of times; its output is appended to `FOLDER/NAME.log`."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment` comes on top of our own."""
        self.name = name
        self.command = list(command)
        self._environment = os.environ | dict(environment or {})
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it has ended with by itself; negative is the signal that ended it."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it and return at once; does nothing while it runs."""
        if self.is_alive:
            return
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            # A group of its own: Ctrl-C reaches the parent only, which then stops its children in order.
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                process_group=0,
            )

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it has not ended after a while."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a crash or the kernel's out-of-memory killer would."""
        self._end(signal.SIGKILL)

    def reload(self) -> None:
        """SIGHUP."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def wait_for_log(self, pattern: str, timeout_s: float) -> re.Match[str]:
        """The first match in what it has printed since its start; raises ProgramFailed when it ends or is late."""
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.output())):
            if not self.is_alive:
                raise ProgramFailed(f"{self.name} ended at its start. {self.last_lines()}")
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{self.name} is not ready after {timeout_s:g} s. {self.last_lines()}")
            time.sleep(POLL_S)
        return found

    def output(self) -> str:
        """What it has printed since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"The end of {self.log}:", *(f"  {line}" for line in lines)])

    def last_line(self) -> str:
        return next(reversed(self.log.read_text(errors="replace").splitlines()), "")

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def installed(name: str) -> str:
    """The path of one of the project's own console scripts: beside the Python that runs this."""
    return os.fspath(Path(sys.executable).with_name(name))


def free_ports(count: int) -> list[int]:
    """Ports on the loopback, below the range that the kernel gives to clients.

    A part that is down keeps its port only as nobody else takes it: out of that range, a client would sooner or later.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def wait_until(what: str, condition: Callable[[], T], *, timeout_s: float, poll_s: float = POLL_S) -> T:
    """The condition's first true value; raises WaitedInVain with its last one."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise WaitedInVain(f"waited {timeout_s:g} s in vain: {what} (last: {value!r})")
        time.sleep(poll_s)
    return value
