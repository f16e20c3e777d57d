"""The running bridge, as an operator's commands see it, and the form of a command on the socket."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bng_bridge.alerting.alerts import Alerts
from bng_bridge.alerting.notifier import Notifier
from bng_bridge.config import BridgeConfig
from bng_bridge.flows.context import Context
from bng_bridge.holds import Holds
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest.manifest import Manifest
from bng_bridge.mapping_reload import MappingReload
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence
from bng_bridge.sources.sweeper import Sweeper
from bng_bridge.stock_check.stock_check import StockCheck
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
    holds: Holds
    sweeper: Sweeper
    reload: MappingReload
    notifier: Notifier = field(default_factory=lambda: Notifier([]))
    manifests: dict[str, Manifest] = field(default_factory=dict)
    stock_checks: dict[str, StockCheck] = field(default_factory=dict)
    longest_quiet_s: float = 60.0

    def known_site(self, site: str) -> str:
        """Raises NotFound."""
        if site not in self.config.sites:
            raise NotFound(f"There is no site {site}.", hint=f"Sites: {', '.join(sorted(self.config.sites))}.")
        return site

    def gateway(self, site: str) -> GatewayTransport:
        """Raises NotFound."""
        return self.gateways[self.known_site(site)]


class NotFound(BridgeError):
    """The operator named something that is not there."""


Route = tuple[str, str, Callable[[Bridge, web.Request], Awaitable[Any]]]
"""Method, path, and what answers: plain JSON. Every topic's module has its ROUTES; socket.py serves them all."""
