"""The life of a daemon and of a command: signals, notification, exit codes.

A user's mistake ends in one sentence on standard error and an exit code of sysexits.h, never in a traceback.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import uvloop

from bridge_common import systemd
from bridge_common.errors import BridgeError
from bridge_common.log import log

T = TypeVar("T")


def run_daemon(main: Callable[[asyncio.Event], Awaitable[None]], *, name: str) -> None:
    """Run `main(stop)` until it returns. SIGTERM and SIGINT set `stop`; main then drains and returns."""

    async def body() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, stop, name)
        # The default action would end the daemon; one that reloads something sets its own.
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        watchdog = asyncio.create_task(_watchdog(), name="watchdog")
        try:
            await main(stop)
        finally:
            watchdog.cancel()
            log("stopped", program=name)

    run(body())


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a BridgeError, also inside an ExceptionGroup, ends the program as `fail` says."""
    try:
        tune_garbage_collection()
        return uvloop.run(coroutine)
    except BridgeError as error:
        fail(error)
    except BaseExceptionGroup as group:
        known = _first_known(group)
        if known is None:
            raise
        fail(known)


def tune_garbage_collection() -> None:
    """Parsed documents are many containers without cycles: looked through every 700, they cost a good part of parsing."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def fail(error: BridgeError) -> NoReturn:
    """On a full disk nobody may read the sentence, and systemd goes by the code all the same."""
    with contextlib.suppress(OSError):
        print(error.sentence(), file=sys.stderr)
    raise SystemExit(error.exit_code)


def _stop(stop: asyncio.Event, name: str) -> None:
    log("stopping", program=name)
    systemd.notify("STOPPING=1")
    stop.set()


async def _watchdog() -> None:
    interval_s = systemd.watchdog_interval_s()
    while interval_s:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)


def _first_known(group: BaseExceptionGroup[BaseException]) -> BridgeError | None:
    """The first BridgeError, if every leaf is one: with a bug among them the traceback must be seen."""
    known, unknown = group.split(BridgeError)
    if unknown is not None or known is None:
        return None
    error: BaseException = known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, BridgeError) else None
