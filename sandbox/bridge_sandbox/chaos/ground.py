"""What the faults of a chaos run are done to."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge_sandbox.chaos.network import Network
from bridge_sandbox.chaos.supervisor import Supervisor
from bridge_sandbox.stage import Stage

PATIENCE_S = 20.0
LOOK_S = 0.25


@dataclass(frozen=True)
class Ground:
    """What faults are done to. When `over` is set, no fault waits any longer for somebody to meet it."""

    stage: Stage
    network: Network
    supervisor: Supervisor
    over: threading.Event = field(default_factory=threading.Event)
    editing: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever edits mapping files."""

    @property
    def creating(self) -> str:
        """How a record comes into being at BNG."""
        return self.stage.plan.bng.creates_by

    def comes(self, condition: Callable[[], bool]) -> bool:
        """Whether it comes true, in a while and before `over`."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline or self.over.wait(LOOK_S):
                return condition()
        return True


def daemon_of(client: str) -> str:
    """The stage's name of a client of the broker."""
    return client if client == "bridge" else f"agent-{client}"
