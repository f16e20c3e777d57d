"""The running bridge, as an operator's commands see it, and the form of a command on the socket."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bng_bridge.alerts import Alerts
from bng_bridge.config import BridgeConfig
from bng_bridge.flows.context import Context
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest.manifest import Manifest
from bng_bridge.notifier import Notifier
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence
from bng_bridge.sources.sweeper import Sweeper
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.errors import BridgeError


@dataclass(frozen=True)
class Bridge:
    config: BridgeConfig
    store: Store
    worker: Worker
    receiver: Receiver
    context: Context
    gateways: dict[str, GatewayTransport]
    presence: dict[str, Presence]
    alerts: Alerts
    sweeper: Sweeper
    notifier: Notifier = field(default_factory=lambda: Notifier([]))
    manifests: dict[str, Manifest] = field(default_factory=dict)

    def gateway(self, site: str) -> GatewayTransport:
        """Raises NotFound."""
        if site not in self.gateways:
            raise NotFound(f"There is no site {site}.", hint=f"Sites: {', '.join(sorted(self.gateways))}.")
        return self.gateways[site]


class NotFound(BridgeError):
    """The operator named something that is not there."""


Route = tuple[str, str, Callable[[Bridge, web.Request], Awaitable[Any]]]
"""Method, path, and what answers: plain JSON. Every topic's module has its ROUTES; socket.py serves them all."""
