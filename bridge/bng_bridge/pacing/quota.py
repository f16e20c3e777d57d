"""What a target says is left: the RateLimit and RateLimit-Policy headers (IETF draft-ietf-httpapi-ratelimit-headers-11)."""

import re
from dataclasses import dataclass
from typing import Any

LOW_SHARE = 0.1
LOW_CALLS = 10
LONGEST_S = 60.0
"""A header that promises less than a call a minute is asked again after one: the next answer says it anew."""

_ITEM = re.compile(r'"([^"]*)"((?:\s*;\s*[a-z]+=(?:"[^"]*"|[^;,"]*))*)')
_PARAMETER = re.compile(r";\s*([a-z]+)=(\d{1,12})(?=\s*(?:;|$))")


@dataclass(frozen=True, slots=True)
class Quota:
    """`remaining` calls of `allowed` per `window_s` (None: not told), as told at `heard_at_s`, reset `reset_s` later."""

    remaining: int
    reset_s: int
    allowed: int | None
    window_s: int | None
    heard_at_s: float

    def spread_s(self) -> float:
        """Seconds between two calls, 0 for no limit. What is left is spread over the time to the reset when it is low:
        the last calls would go at once otherwise, and all that follow be refused."""
        low = LOW_CALLS if self.allowed is None else self.allowed * LOW_SHARE
        if self.remaining >= max(low, 1):
            return 0.0
        return min(LONGEST_S, self.reset_s / (self.remaining + 1))

    def shown(self, now_s: float) -> dict[str, Any]:
        """For status."""
        reset_s = max(0.0, round(self.heard_at_s + self.reset_s - now_s, 1))
        return {"remaining": self.remaining, "allowed": self.allowed, "window_s": self.window_s, "reset_s": reset_s}


def parse(limit: str, policy: str, now_s: float) -> Quota | None:
    """The tightest of the policies told; None when the header says nothing of this form."""
    policies = _items(policy)
    found = [
        Quota(values["r"], values.get("t", 0), policies.get(name, {}).get("q"), policies.get(name, {}).get("w"), now_s)
        for name, values in _items(limit).items()
        if "r" in values
    ]
    return min(found, key=lambda quota: (-quota.spread_s(), quota.remaining), default=None)


def _items(header: str) -> dict[str, dict[str, int]]:
    """`"default";r=50;t=30` → {"default": {"r": 50, "t": 30}}; what is not a whole number is left out."""
    return {
        name: {key: int(value) for key, value in _PARAMETER.findall(parameters)}
        for name, parameters in _ITEM.findall(header)
    }
