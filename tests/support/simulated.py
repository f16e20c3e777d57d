"""An event loop whose clock jumps to the next timer instead of waiting for it: minutes pass in microseconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_simulated(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in simulated time, which begins at 0."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(coroutine)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Only for what waits on the loop's own timers; nothing real is waited for."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(JumpingSelector(self))

    def time(self) -> float:
        return self._now_s

    def jump(self, seconds: float) -> None:
        self._now_s += seconds


class JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type,unused-ignore]
    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits for ever")
        ready = super().select(0)
        if not ready and timeout > 0:
            self._loop.jump(timeout)
        return ready
