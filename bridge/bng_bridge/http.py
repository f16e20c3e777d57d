"""HTTP towards a target: the answers that mean "not now" become errors, the others are returned."""

from typing import Any

import aiohttp
from yarl import URL

from bridge_common.errors import (
    BridgeError,
    InMaintenance,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    TargetUnavailable,
)
from bridge_common.http import Answer, exchange

LONGEST_WAIT_S = 3600.0
"""A Retry-After beyond it is some proxy's mistake: it must not stop a target for days."""


async def send(
    session: aiohttp.ClientSession,
    method: str,
    url: URL | str,
    *,
    timeout_s: float,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    body: Any = None,
) -> Answer:
    """One request with a deadline; every status is returned.

    Raises TargetUnavailable when it was certainly not executed, OutcomeUnknown when a write was sent and not answered.
    """
    try:
        return await exchange(session, method, url, timeout_s=timeout_s, headers=headers, query=query, body=body)
    except OutcomeUnknown as error:
        raise unanswered(method, error) from error


def unanswered(method: str, error: OutcomeUnknown) -> TargetUnavailable | OutcomeUnknown:
    """A read executes nothing, whatever became of its answer."""
    return TargetUnavailable(error.message) if method == "GET" else error


def checked(method: str, url: str, answer: Answer) -> Answer:
    """Raises on 429, 502, 503 and 504; any other answer is returned as it is."""
    if answer.status in (429, 502, 503, 504):
        raise _refused(method, url, answer)
    return answer


def _refused(method: str, url: str, answer: Answer) -> BridgeError:
    """429 and 503 are said before executing; a 502 or 504 comes from a proxy that may have passed the request on."""
    text = f"{method} {url} answered {answer.status}"
    wait_s = bounded(answer.retry_after_s)
    if answer.status == 429:
        return RateLimited(text, retry_after_s=wait_s)
    if answer.is_maintenance:
        return InMaintenance(f"{text}: it is in maintenance", retry_after_s=wait_s)
    if answer.status == 503:
        return Overloaded(text, retry_after_s=wait_s)
    if method == "GET":
        return TargetUnavailable(text, retry_after_s=wait_s)
    return OutcomeUnknown(text)


def bounded(wait_s: float | None) -> float | None:
    """What Retry-After asked for, within reason."""
    return None if wait_s is None else min(wait_s, LONGEST_WAIT_S)
