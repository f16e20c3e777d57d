"""`agent.toml`: see packaging/agent.toml for every option with its default."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bridge_common.broker_config import BrokerSection
from bridge_common.config import Section
from bridge_common.magento_config import MagentoSection
from bridge_common.webhook_config import WebhookSection

DEFAULT_PATH = Path("/etc/magento-agent/agent.toml")


def _path_pattern(pattern: str) -> str:
    if not pattern.startswith("/V1/") or ".." in pattern:
        raise ValueError("must begin with /V1/, with :name for a variable segment, such as /V1/orders/:id")
    return pattern


SiteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Seconds = Annotated[float, Field(gt=0)]
PathPattern = Annotated[str, AfterValidator(_path_pattern)]
Method = Literal["GET", "POST", "PUT", "DELETE"]
Route = tuple[Method, PathPattern]

DEFAULT_ROUTES: tuple[Route, ...] = (
    ("GET", "/V1/orders"),
    ("GET", "/V1/orders/:id"),
    ("GET", "/V1/orders/items"),
    ("GET", "/V1/orders/:id/comments"),
    ("GET", "/V1/shipments"),
    ("GET", "/V1/shipment/:id"),
    ("GET", "/V1/invoices"),
    ("GET", "/V1/invoices/:id"),
    ("GET", "/V1/creditmemos"),
    ("GET", "/V1/creditmemo/:id"),
    ("GET", "/V1/transactions"),
    ("GET", "/V1/products"),
    ("GET", "/V1/products/:sku"),
    ("GET", "/V1/inventory/source-items"),
    ("GET", "/V1/stockItems/:sku"),
    ("GET", "/V1/customers/:id"),
    ("GET", "/V1/customers/search"),
    ("GET", "/V1/store/storeConfigs"),
    ("GET", "/V1/directory/countries/:id"),
    ("POST", "/V1/order/:id/ship"),
    ("POST", "/V1/order/:id/invoice"),
    ("POST", "/V1/order/:id/refund"),
    ("POST", "/V1/shipment/track"),
    ("POST", "/V1/inventory/source-items"),
    ("PUT", "/V1/products/:sku/stockItems/:id"),
    ("POST", "/V1/orders/:id/comments"),
    ("POST", "/V1/orders/:id/cancel"),
    ("POST", "/V1/orders/:id/hold"),
    ("POST", "/V1/orders/:id/unhold"),
    ("POST", "/V1/products"),
    ("PUT", "/V1/customers/:id"),
    ("PUT", "/V1/products/:sku"),
)


class Agent(Section):
    site: SiteName
    state_dir: Path = Path("/var/lib/magento-agent")


class Owner(Section):
    """The shop's own database account, for `outbox install | check | uninstall` only."""

    user: str | None = None
    password_file: Path | None = None
    env_php: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = self.user is not None and self.password_file is not None
        if named == (self.env_php is not None):
            raise ValueError("set either user and password_file, or env_php")
        return self


class Relay(Section):
    """How rows become published events; the same for both kinds of capture."""

    poll_interval_s: Seconds = 0.05
    rescan_interval_s: Seconds = 1.0
    batch_entities: Annotated[int, Field(ge=1, le=300)] = 50
    batches_in_flight: Annotated[int, Field(ge=1, le=64)] = 8
    hydrations_at_once: Annotated[int, Field(ge=1, le=16)] = 2
    receipt_timeout_s: Seconds = 10
    hydrate_attempts: Annotated[int, Field(ge=1, le=20)] = 5
    max_packet_bytes: Annotated[int, Field(ge=16 * 1024, le=256 * 1024 * 1024)] = 1024 * 1024


class Outbox(Relay):
    """Capture by triggers in the shop's own database."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    socket: Path | None = None
    database: Annotated[str, Field(pattern=r"^[^`\x00]{1,64}$")]
    user: str = "magento_agent"
    password_file: Path
    table_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,20}$")] = ""
    tls: bool = False
    ca_file: Path | None = None
    without: tuple[str, ...] = ()
    owner: Owner | None = None

    @property
    def table(self) -> str:
        return f"{self.table_prefix}bng_outbox"

    @property
    def place(self) -> str:
        """Where the database is, for a person."""
        return str(self.socket) if self.socket else f"{self.host}:{self.port}"


ListName = Literal["orders", "shipments", "invoices", "creditmemos", "customers", "products"]


class Polling(Relay):
    """Capture by REST alone, for a shop whose database is out of reach."""

    interval_s: Seconds = 15
    overlap_s: Annotated[float, Field(ge=0, le=3600)] = 60
    page_size: Annotated[int, Field(ge=1, le=300)] = 100
    lists: tuple[ListName, ...] = ("orders", "shipments", "invoices", "creditmemos", "customers", "products")
    since: datetime | None = None
    webhooks: WebhookSection = WebhookSection()

    @model_validator(mode="after")
    def _since_has_an_offset(self) -> Self:
        if self.since is not None and self.since.tzinfo is None:
            raise ValueError("since needs an offset, such as 2026-01-31T00:00:00Z")
        return self


class Gateway(Section):
    allow: tuple[Route, ...] = DEFAULT_ROUTES
    answers_kept_s: Annotated[float, Field(ge=3600)] = 7 * 24 * 3600
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8


class Heartbeat(Section):
    interval_s: Seconds = 5


class AgentConfig(Section):
    agent: Agent
    broker: BrokerSection = BrokerSection()
    magento: MagentoSection
    outbox: Outbox | None = None
    polling: Polling | None = None
    gateway: Gateway = Gateway()
    heartbeat: Heartbeat = Heartbeat()

    @model_validator(mode="after")
    def _one_capture(self) -> Self:
        if (self.outbox is None) == (self.polling is None):
            raise ValueError("set either [outbox], for triggers in the shop's database, or [polling], for REST alone")
        return self

    @property
    def relay(self) -> Relay:
        section = self.outbox or self.polling
        assert section is not None
        return section
