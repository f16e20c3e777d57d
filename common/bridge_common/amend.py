"""Writing a whole record of a shop, but only if it still looks as it did when that was made of it.

Magento has no versions to write under: an edit that came between our read and our write would be undone by a whole record.
So it is read once more just before the write, here, next to the shop. What is left is the time of that one call.
"""

import asyncio
import hashlib
from typing import Any

from bridge_common import decimal_json
from bridge_common.errors import OutcomeUnknown, RateLimited, TargetUnavailable
from bridge_common.http import Answer
from bridge_common.magento_rest import MagentoRest, message_of

LEAST_S = 0.1


def digest_of(record: Any) -> str:
    """SHA-256 of a record as REST shows it, keys sorted, Decimals normalised."""
    return hashlib.sha256(decimal_json.canonical(record).encode()).hexdigest()


async def amend(rest: MagentoRest, path: str, body: Any, expected: str, *, timeout_s: float) -> Answer | None:
    """GET `path`; where its digest is `expected`, PUT `body` there and GET it again: that is the answer.

    None, and nothing was written, when it looks otherwise. A refusal is answered as the shop says it. All of it ends within
    `timeout_s`. Raises TargetUnavailable when surely nothing was written, OutcomeUnknown when perhaps, or when what was
    written could not be read; RateLimited and AccessDenied before the write.
    """
    ends_at_s = asyncio.get_running_loop().time() + timeout_s
    before = await _read(rest, path, ends_at_s)
    if before.status != 200:
        return before
    if digest_of(before.body) != expected:
        return None
    written = await rest.send("PUT", path, None, body, timeout_s=_left_s(ends_at_s))
    if written.status != 200:
        return written
    try:
        after = await rest.send("GET", path, timeout_s=_left_s(ends_at_s))
    except TargetUnavailable as error:
        raise OutcomeUnknown(f"written, and then not read: {error.message}") from error
    if after.status != 200:
        raise OutcomeUnknown(f"written, and then GET {path} answered {after.status}: {message_of(after)[:200]}")
    return after


async def _read(rest: MagentoRest, path: str, ends_at_s: float) -> Answer:
    try:
        answer = await rest.send("GET", path, timeout_s=_left_s(ends_at_s))
    except OutcomeUnknown as error:
        raise TargetUnavailable(error.message) from error
    text = f"GET {path} answered {answer.status}"
    if answer.status == 429:
        raise RateLimited(text, retry_after_s=answer.retry_after_s)
    if answer.status >= 500 or not isinstance(answer.body, dict) or set(answer.body) == {"text"}:
        raise TargetUnavailable(f"{text}: {message_of(answer)[:200]}", retry_after_s=answer.retry_after_s)
    return answer


def _left_s(ends_at_s: float) -> float:
    return max(ends_at_s - asyncio.get_running_loop().time(), LEAST_S)
