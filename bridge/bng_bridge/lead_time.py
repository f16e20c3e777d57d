"""How long orders take: placed, in BNG, allocated, shipped; by day, before and after going live. Pure.

A time that nobody told is not guessed: such an order counts as `unknown`, one that has not come so far as `not_yet`.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

HOPS = ("in_bng", "allocated", "shipped")


@dataclass(frozen=True, slots=True)
class Journey:
    """One order. `at` has a time for each hop that is known, `unknown` are hops that it has behind it at an unknown time.

    `is_brought_over`: a backfill has carried it long after it was placed, so its times say nothing of the way.
    """

    site: str
    day: str
    placed_at: datetime
    is_live: bool
    at: dict[str, datetime]
    unknown: frozenset[str] = frozenset()
    is_brought_over: bool = False


def report(journeys: Iterable[Journey]) -> dict[str, Any]:
    """{"days": [{"day", "site", "is_live", …}], "before": …, "after": …}, each with "orders", "brought_over" and HOPS."""
    found = list(journeys)
    by_day: dict[tuple[str, str, bool], list[Journey]] = defaultdict(list)
    for each in found:
        by_day[each.day, each.site, each.is_live].append(each)
    return {
        "days": [
            {"day": day, "site": site, "is_live": is_live, **_summary(some)}
            for (day, site, is_live), some in sorted(by_day.items())
        ],
        "before": _summary([each for each in found if not each.is_live]),
        "after": _summary([each for each in found if each.is_live]),
    }


def _summary(journeys: Sequence[Journey]) -> dict[str, Any]:
    """Seconds from the placing."""
    counted = [each for each in journeys if not each.is_brought_over]
    hops = {hop: _hop(counted, hop) for hop in HOPS}
    return {"orders": len(journeys), "brought_over": len(journeys) - len(counted), **hops}


def _hop(journeys: Sequence[Journey], hop: str) -> dict[str, Any]:
    """Never below 0: the shop's times are whole seconds, and its clock is another one than BNG's."""
    took = sorted(max(0.0, (each.at[hop] - each.placed_at).total_seconds()) for each in journeys if hop in each.at)
    unknown = sum(hop in each.unknown for each in journeys)
    return {
        "count": len(took), "unknown": unknown, "not_yet": len(journeys) - len(took) - unknown,
        "median_s": _percentile(took, 50), "p90_s": _percentile(took, 90),
    }  # fmt: skip


def _percentile(ranked: Sequence[float], percent: int) -> float | None:
    """Nearest rank: a value that occurred. None of nothing."""
    return round(ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)], 3) if ranked else None
