"""Buyers who go on buying while something else is done to the stage, and how long their orders were on their way."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPException
from types import TracebackType
from typing import Self

from bridge_sandbox.admin import CallFailed
from bridge_sandbox.book import percentile
from bridge_sandbox.process import wait_until
from bridge_sandbox.stage import Stage


@dataclass
class Placed:
    """One order; both times are of one machine."""

    order_id: int
    committed_at: datetime
    arrived_at: datetime | None = None

    @property
    def lag_ms(self) -> float:
        assert self.arrived_at is not None
        return (self.arrived_at - self.committed_at).total_seconds() * 1000


@dataclass
class Outages:
    """When something was down: an order on its way then was not late because of what is measured."""

    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def met(self, order: Placed) -> bool:
        arrived_at = order.arrived_at or datetime.now(UTC)
        return any(begin <= arrived_at and order.committed_at <= end for begin, end in self.spans)


class LiveBuyers:
    """One order after another, `every_s` apart, until the block is left."""

    def __init__(self, stage: Stage, every_s: float) -> None:
        self.orders: list[Placed] = []
        self._stage = stage
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._buy, name="live buyers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _buy(self) -> None:
        while not self._stop.is_set():
            with suppress(CallFailed, OSError, HTTPException):
                self.orders.append(buy(self._stage))
            self._stop.wait(self._every_s)


def buy(stage: Stage) -> Placed:
    order = stage.shop.checkout("simple")
    return Placed(order["order_id"], datetime.fromisoformat(order["committed_at"]))


def wait_for(stage: Stage, orders: list[Placed], timeout_s: float) -> None:
    """Until all are at BNG; raises WaitedInVain."""
    for order in orders:
        wait_until(f"order {order.order_id} at BNG", partial(has_arrived, stage, order), timeout_s=timeout_s)


def has_arrived(stage: Stage, order: Placed) -> bool:
    try:
        found = stage.bng.get(f"/sales-orders/{stage.site}-{order.order_id}")
    except CallFailed:
        return False
    order.arrived_at = datetime.fromisoformat(found["CreatedAt"])
    return True


def lags_ms(orders: list[Placed]) -> dict[str, int | None]:
    """{"orders", "p50_ms", "max_ms"}"""
    lags = [order.lag_ms for order in orders]
    p50 = percentile(lags, 50)
    return {"orders": len(lags), "p50_ms": None if p50 is None else round(p50), "max_ms": round(max(lags, default=0))}
