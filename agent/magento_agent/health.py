"""What the agent knows of itself and tells in its status: shared by relay, gateway and heartbeat, written by each."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from bridge_common.clock import ClockWatch
from bridge_common.errors import BridgeError
from bridge_common.log import log

OK = "ok"


@dataclass
class Health:
    """`rest` and `database` are "ok" or the sentence of what is wrong; `triggers` also None, where they cannot be seen.
    `changed` wakes the heartbeat.

    `lists`: where the shop is polled, the lists that cannot be read, each with its sentence.
    """

    is_connected: bool = False
    epoch: int | None = None
    rest: str = OK
    database: str = OK
    triggers: str | None = None
    is_unseen_told: bool = False
    lists: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    receipts_at: datetime | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    clock: ClockWatch = field(default_factory=ClockWatch)

    def look_at_clock(self) -> None:
        """Nothing of the agent goes by the wall clock but how long answers are kept; the bridge's requests do."""
        if step_s := self.clock.step_s():
            log("clock_set", seconds=round(step_s))
            if self.clock.is_off:
                subject = f"the clock was set by {step_s:+.0f} s while the agent ran"
                hint = "Check it (timedatectl): requests of the bridge are refused when both clocks differ."
                log("alert", level=logging.ERROR, subject=subject, hint=hint)

    def rest_failed(self, error: BridgeError) -> None:
        if self.rest != error.sentence():
            log("shop_unreadable", level=logging.WARNING, error=error.sentence())
            self.rest = error.sentence()
            self.changed.set()

    def rest_works(self) -> None:
        if self.rest != OK:
            log("shop_readable")
            self.rest = OK
            self.changed.set()

    def database_failed(self, error: BridgeError) -> None:
        if self.database != error.sentence():
            log("outbox_unreadable", level=logging.WARNING, error=error.sentence())
            self.database = error.sentence()
            self.changed.set()

    def database_works(self) -> None:
        if self.database != OK:
            log("outbox_readable")
            self.database = OK
            self.changed.set()

    def triggers_seen(self, wrong: str) -> None:
        """`wrong` is empty where all stand."""
        before, self.triggers = self.triggers, wrong or OK
        if self.triggers != before:
            if wrong:
                log("triggers_wrong", level=logging.ERROR, error=wrong)
            elif before is not None:
                log("triggers_stand")
            self.changed.set()

    def triggers_unseen(self, error: BridgeError) -> None:
        """By an account that the service cannot use. What was known of them is known no more."""
        if self.triggers is not None or not self.is_unseen_told:
            log("triggers_unseen", level=logging.WARNING, error=error.sentence())
            self.triggers, self.is_unseen_told = None, True
            self.changed.set()

    @property
    def polling(self) -> str:
        return "; ".join(f"{name}: {sentence}" for name, sentence in self.lists.items()) or OK

    def list_failed(self, name: str, error: BridgeError) -> None:
        """Said once: its text differs from turn to turn."""
        if name not in self.lists:
            self.lists[name] = error.sentence()
            log("poll_failed", level=logging.WARNING, listing=name, error=error.sentence())
            self.changed.set()

    def list_works(self, name: str) -> None:
        if self.lists.pop(name, None) is not None:
            log("shop_readable", listing=name)
            self.changed.set()
