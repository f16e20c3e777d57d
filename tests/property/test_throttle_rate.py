"""Whatever becomes of the calls: in no window of time are more of them begun than the rate allows, plus the one at its edge.

Calls of several classes come at any time, take any time, look things up inside and write more than once; they end as calls
end: well, slowly, refused, unanswered, told to wait. In simulated time.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.simulated import run_simulated

from bng_bridge.config import Limit
from bng_bridge.pacing.throttle import Throttle
from bridge_common.errors import (
    BridgeError,
    InMaintenance,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)
from bridge_common.http import Answer

TOLERANCE_S = 1e-6

ENDS: list[Callable[[], BridgeError] | None] = [
    None,
    None,
    lambda: RateLimited("429"),
    lambda: RateLimited("429", retry_after_s=2),
    lambda: Overloaded("503"),
    lambda: Overloaded("503", retry_after_s=0.5),
    lambda: InMaintenance("503"),
    lambda: TargetUnavailable("refused"),
    lambda: OutcomeUnknown("cut"),
    lambda: OutcomeUnknown("500", answered=True),
    lambda: RejectedByTarget("no"),
    lambda: TargetPaused("401"),
]


@dataclass(frozen=True)
class Call:
    """`quota` is (remaining, reset) as its answer tells it."""

    after_s: float
    takes_s: float
    endpoint: str
    look_ups: int
    writes: int
    end: Callable[[], BridgeError] | None
    quota: tuple[int, int] | None
    is_cut_off: bool


CALLS = st.builds(
    Call,
    after_s=st.floats(0, 5),
    takes_s=st.one_of(st.floats(0, 0.1), st.floats(0, 8)),
    endpoint=st.sampled_from(["customers", "sales-orders", "shipments"]),
    look_ups=st.integers(0, 2),
    writes=st.integers(0, 3),
    end=st.sampled_from(ENDS),
    quota=st.none() | st.tuples(st.integers(0, 20), st.integers(0, 40)),
    is_cut_off=st.booleans(),
)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "bridge")


@settings(max_examples=150, deadline=None)
@given(
    rate=st.floats(0.5, 40),
    concurrency=st.integers(1, 8),
    own_rate=st.floats(0.1, 1),
    own_concurrency=st.integers(1, 3) | st.none(),
    calls=st.lists(CALLS, min_size=1, max_size=50),
)
def test_in_no_window_are_more_calls_begun_than_the_rate_allows(
    rate: float, concurrency: int, own_rate: float, own_concurrency: int | None, calls: list[Call]
) -> None:
    limit = Limit(requests_per_s=own_rate * rate, concurrency=own_concurrency)
    begun = run_simulated(played(rate, concurrency, limit, calls))
    every = sorted(at_s for each in begun.values() for at_s in each)
    assert not windows_above(rate, every)
    assert not windows_above(own_rate * rate, sorted(begun["shipments"]))


async def played(rate: float, concurrency: int, limit: Limit, calls: list[Call]) -> dict[str, list[float]]:
    """When each call was begun, by class."""
    throttle = Throttle("BNG", requests_per_s=rate, concurrency=concurrency, limits={"shipments": limit})
    begun: dict[str, list[float]] = defaultdict(list)
    async with asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            playing = group.create_task(play(throttle, call, begun), name=f"call {number}")
            if call.is_cut_off:
                asyncio.get_running_loop().call_later(call.after_s + call.takes_s / 2, playing.cancel)
    return begun


async def play(throttle: Throttle, call: Call, begun: dict[str, list[float]]) -> None:
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(call.after_s)
    try:
        async with throttle.slot(call.endpoint):
            begun[call.endpoint].append(clock())
            for _ in range(call.look_ups):
                async with throttle.slot("shipments"):
                    begun["shipments"].append(clock())
            for number in range(call.writes):
                await throttle.begin(call.endpoint)
                if number:
                    begun[call.endpoint].append(clock())
            await asyncio.sleep(call.takes_s)
            throttle.heed(Answer(200, None, limit="" if call.quota is None else '"d";r={};t={}'.format(*call.quota)))
            if call.end is not None:
                raise call.end()
    except BridgeError:
        pass


def windows_above(rate: float, begun: list[float]) -> list[tuple[float, float, int]]:
    """Those from one call to another that hold more than rate × length + 1 calls: any other window holds fewer."""
    return [
        (first, last, count)
        for index, first in enumerate(begun)
        for count, last in enumerate(begun[index:], 1)
        if count > rate * (last - first + TOLERANCE_S) + 1
    ]
