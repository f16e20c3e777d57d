"""Tells people of alerts, and not more often than they can bear: many of one kind are one notification.

A notice waits a few seconds for others of its key; after a notification the next one of that key waits for a minute. A
condition that was over before it was told is not told at all. What no way took waits for a minute, too, and is told with
what has come meanwhile. Nothing here is kept over a restart: the log has every alert, and what lasts is found again.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bng_bridge.alerting.alerts import Notice
from bng_bridge.alerting.ways import NotSent, Way
from bridge_common.clock import to_text, utc_now
from bridge_common.log import log

GATHER_S = 5.0
AT_MOST_EVERY_S = 60.0
LOOK_S = 1.0
CAUSES_NAMED = 3
CAUSES_KEPT = 100
"""The commonest, of a notification that no way takes: a way may be gone for days."""


@dataclass(slots=True)
class Gathered:
    """The notices of one key that were not told yet; `begun_s` is when the first of them came."""

    begun_s: float
    last: Notice
    count: int = 0
    causes: Counter[str] = field(default_factory=Counter)


class Notifier:
    """`take` from the event loop; `run` sends, one notification after the other, so a slow way blocks no flow."""

    def __init__(self, ways: list[Way]) -> None:
        self._ways = ways
        self._gathered: dict[str, Gathered] = {}
        self._told_at_s: dict[str, float] = {}
        self._lasting: set[str] = set()

    def take(self, notice: Notice) -> None:
        if not self._ways:
            return
        now_s = asyncio.get_running_loop().time()
        gathered = self._gathered.setdefault(notice.key, Gathered(now_s, notice))
        gathered.last = notice
        gathered.count += 1
        if notice.cause:
            gathered.causes[notice.cause] += 1

    async def run(self) -> None:
        while True:
            await self.run_once(asyncio.get_running_loop().time())
            await asyncio.sleep(LOOK_S)

    async def run_once(self, now_s: float) -> int:
        """Notifications that a way took of those that are due at `now_s`, the loop's clock."""
        due = [key for key, gathered in self._gathered.items() if self._due_at_s(key, gathered) <= now_s]
        sent = 0
        for key in due:
            gathered = self._gathered.pop(key)
            if not self._is_news(gathered.last):
                continue
            self._told_at_s[key] = now_s
            if await self._send(_document(gathered)):
                self._note_told(gathered.last)
                sent += 1
            else:
                self._put_back(key, gathered)
        return sent

    async def test(self) -> list[dict[str, Any]]:
        """One attempt by every way: [{"way", "ok", "detail"}]."""
        document = _described("test", "told", "a test alert", "Nothing is wrong: bridgectl alerts test sent it.", 1)
        return list(await asyncio.gather(*(_try(way, document, attempts=1) for way in self._ways)))

    def _due_at_s(self, key: str, gathered: Gathered) -> float:
        again_s = self._told_at_s.get(key, -AT_MOST_EVERY_S) + AT_MOST_EVERY_S
        return max(gathered.begun_s + GATHER_S, again_s)

    def _is_news(self, last: Notice) -> bool:
        """Not when a condition is as it was told before, whatever it did in between."""
        return last.state == "told" or (last.state == "begun") != (last.key in self._lasting)

    def _note_told(self, last: Notice) -> None:
        if last.state != "told":
            (self._lasting.add if last.state == "begun" else self._lasting.discard)(last.key)

    def _put_back(self, key: str, untold: Gathered) -> None:
        """Before what came while it was sent. `_told_at_s` says when it is due again."""
        if (newer := self._gathered.get(key)) is not None:
            untold.last = newer.last
            untold.count += newer.count
            untold.causes += newer.causes
        untold.causes = Counter(dict(untold.causes.most_common(CAUSES_KEPT)))
        self._gathered[key] = untold

    async def _send(self, document: dict[str, Any]) -> bool:
        """Whether any way took it."""
        all_tried = await asyncio.gather(*(_try(way, document, attempts=way.attempts) for way in self._ways))
        for tried in all_tried:
            level = logging.INFO if tried["ok"] else logging.ERROR
            action = "alert_sent" if tried["ok"] else "alert_failed"
            log(action, level=level, key=document["key"], way=tried["way"], detail=tried["detail"])
        return any(tried["ok"] for tried in all_tried)


async def _try(way: Way, document: dict[str, Any], *, attempts: int) -> dict[str, Any]:
    try:
        detail, ok = await way.send(document, attempts=attempts), True
    except NotSent as error:
        detail, ok = error.message, False
    return {"way": way.name, "ok": ok, "detail": detail}


def _document(gathered: Gathered) -> dict[str, Any]:
    last, count = gathered.last, gathered.count
    if last.state != "told":
        return _described(last.key, last.state, last.subject, last.hint, 1)
    hint = last.hint
    if gathered.causes and count > 1:
        subject, hint = f"{count} {last.subject}s, causes: {_named(gathered.causes)}", "bridgectl dlq list"
    elif gathered.causes:
        subject = f"{last.subject}: {last.cause}"
    else:
        subject = last.subject if count == 1 else f"{last.subject} ({count} times)"
    return _described(last.key, last.state, subject, hint, count)


def _named(causes: Counter[str]) -> str:
    named = [f"{cause} ({count})" for cause, count in causes.most_common(CAUSES_NAMED)]
    more = len(causes) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _described(key: str, state: str, subject: str, hint: str, count: int) -> dict[str, Any]:
    return {
        "key": key, "state": state, "subject": subject, "hint": hint, "count": count, "at": to_text(utc_now()),
    }  # fmt: skip
