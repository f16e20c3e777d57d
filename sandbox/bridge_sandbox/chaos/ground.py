"""What the faults of a chaos run are done to."""

import threading
from dataclasses import dataclass, field

from bridge_sandbox.chaos.proxy import Network
from bridge_sandbox.chaos.supervisor import Supervisor
from bridge_sandbox.stage import Stage


@dataclass(frozen=True)
class Ground:
    """What faults are done to. When `over` is set, no fault waits any longer for somebody to meet it."""

    stage: Stage
    network: Network
    supervisor: Supervisor
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def creating(self) -> str:
        """How a record comes into being at BNG."""
        return self.stage.plan.bng.creates_by


def daemon_of(client: str) -> str:
    """The stage's name of a client of the broker."""
    return client if client == "bridge" else f"agent-{client}"
