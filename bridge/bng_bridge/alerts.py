"""What a person has to look at: one log line when it begins, a line in `status` as long as it lasts."""

import logging
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


class Alerts:
    """Those that last are in memory: whoever raises one finds its condition again after a restart."""

    def __init__(self) -> None:
        self._active: dict[str, Alert] = {}

    def begin(self, key: str, subject: str, *, hint: str = "", **fields: Any) -> None:
        """A condition that lasts until `end`. Told once."""
        if key not in self._active:
            self._active[key] = Alert(key, subject, hint, to_text(utc_now()))
            self.tell(subject, hint=hint, **fields)

    def end(self, key: str) -> None:
        self._active.pop(key, None)

    def tell(self, subject: str, *, hint: str = "", **fields: Any) -> None:
        """Something that happened: a line, and nothing that lasts."""
        log("alert", level=logging.ERROR, subject=subject, **fields, hint=hint)

    def active(self) -> list[Alert]:
        """The oldest first."""
        return list(self._active.values())
