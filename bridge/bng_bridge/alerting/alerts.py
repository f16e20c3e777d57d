"""What a person has to look at: one log line, a line in `status` as long as it lasts, a notice to whoever is to be told."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge_common.clock import to_text, utc_now
from bridge_common.log import log


@dataclass(frozen=True, slots=True)
class Alert:
    """`key` names the condition, such as `outbox-silent/shop1`: it is told once until it is cleared."""

    key: str
    subject: str
    hint: str
    since: str


@dataclass(frozen=True, slots=True)
class Notice:
    """`state`: begun, ended, or told (happened, and lasts not). `cause` is what many of one key are counted by."""

    key: str
    state: str
    subject: str
    hint: str
    at: str
    cause: str = ""


class Alerts:
    """Those that last are in memory: whoever raises one finds its condition again after a restart.

    `notify` takes every notice at once and must not wait.
    """

    def __init__(self, notify: Callable[[Notice], None] = lambda _: None) -> None:
        self._active: dict[str, Alert] = {}
        self._notify = notify

    def begin(self, key: str, subject: str, *, hint: str = "", **fields: Any) -> None:
        """A condition that lasts until `end`. Told once."""
        if key not in self._active:
            self._active[key] = Alert(key, subject, hint, to_text(utc_now()))
            self._tell(key, "begun", subject, hint, fields)

    def end(self, key: str) -> None:
        ended = self._active.pop(key, None)
        if ended is not None:
            log("alert_ended", key=key, subject=ended.subject)
            self._notify(Notice(key, "ended", ended.subject, "", to_text(utc_now())))

    def tell(self, subject: str, *, key: str = "", hint: str = "", **fields: Any) -> None:
        """Something that happened: a line, and nothing that lasts. Many of one key are one notice."""
        own = f"{subject}/{fields['site']}" if "site" in fields else subject
        self._tell(key or own, "told", subject, hint, fields)

    def active(self) -> list[Alert]:
        """The oldest first."""
        return list(self._active.values())

    def _tell(self, key: str, state: str, subject: str, hint: str, fields: dict[str, Any]) -> None:
        log("alert", level=logging.ERROR, subject=subject, **fields, hint=hint)
        self._notify(Notice(key, state, subject, hint, to_text(utc_now()), str(fields.get("cause", ""))))
