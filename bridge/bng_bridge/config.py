"""`bridge.toml`: see packaging/bridge.toml for every option with its default."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from bridge_common.broker_config import BrokerSection
from bridge_common.config import Section
from bridge_common.magento_config import MagentoSection
from bridge_common.webhook_config import WebhookSection


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not a time zone of the tz database, such as Europe/Berlin") from error
    return name


def _http_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// or http://")
    return url


def _http_url(url: str) -> str:
    return _http_address(url).rstrip("/")


TimeZone = Annotated[str, AfterValidator(_known_zone)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Seconds = Annotated[float, Field(gt=0)]


class Daemon(Section):
    state_dir: Path = Path("/var/lib/bng-bridge")
    socket: Path = Path("/run/bng-bridge/admin.sock")
    workers: Annotated[int, Field(ge=1, le=256)] = 32
    drain_s: Seconds = 20
    mode: Literal["development", "production"] = "development"
    mappings_dir: Path | None = None
    flows_dir: Path | None = None

    @model_validator(mode="after")
    def _production_has_bundles_only(self) -> Self:
        for key in ("mappings_dir", "flows_dir"):
            if self.mode == "production" and getattr(self, key) is not None:
                raise ValueError(f"in production only deployed bundles count: remove {key} (docs/bundles.md)")
        return self


class Poll(Section):
    interval_s: Seconds = 60
    overlap_s: Annotated[float, Field(ge=0)] = 120


class Limit(Section):
    """Of one class of calls; what it leaves out is the target's own."""

    requests_per_s: Annotated[float, Field(gt=0)] | None = None
    concurrency: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.requests_per_s is None and self.concurrency is None:
            raise ValueError("limits nothing: set requests_per_s, concurrency, or both")
        return self


class BngWebhooks(WebhookSection):
    """`public_url`: under which BNG reaches them, for an ERP where the bridge subscribes itself."""

    public_url: HttpUrl | None = None


BngCalls = Literal[
    "customers", "sales-orders", "products", "inventory-items", "shipments", "invoices", "payments", "gl-entries",
    "vendors", "purchase-orders",
]  # fmt: skip
"""The first part of the path behind /api/v1."""

MagentoCalls = Literal[
    "orders", "shipments", "invoices", "creditmemos", "customers", "products", "stock", "static", "other"
]
"""The aggregate; `static` is what hardly changes: stores, countries, attribute sets."""


class Sweep(Section):
    """`days` stays below the time that the inbox keeps closed events: what was handled must still be known."""

    interval_s: Annotated[float, Field(ge=0)] = 86400
    days: Annotated[int, Field(ge=1, le=28)] = 7


class Bng(Section):
    base_url: HttpUrl
    profile: str = "bng"
    client_id: str | None = None
    client_secret_file: Path | None = None
    api_key_file: Path | None = None
    timeout_s: Seconds = 10
    execution_limit_s: Annotated[float, Field(ge=0)] = 60
    requests_per_s: Annotated[float, Field(gt=0)] = 50
    concurrency: Annotated[int, Field(ge=1)] = 8
    limits: dict[BngCalls, Limit] = Field(default_factory=dict)
    webhooks: BngWebhooks = BngWebhooks()
    poll: Poll = Poll()
    sweep: Sweep = Sweep()

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        oauth = self.client_id is not None and self.client_secret_file is not None
        if oauth == (self.api_key_file is not None):
            raise ValueError("set either client_id and client_secret_file, or api_key_file")
        _check_limits(self, self.limits)
        return self


class Manifest(Section):
    """`interval_s` 0: only when an operator asks for it."""

    interval_s: Annotated[float, Field(ge=0)] = 900
    grace_s: Annotated[float, Field(ge=0)] = 10
    order_days: Annotated[float, Field(gt=0)] = 30
    customers_per_pass: Annotated[int, Field(ge=1)] = 5000


class ExportRule(Section):
    """What becomes of orders in these states and of these payment methods, while BNG has none of them. Empty fits all."""

    action: Literal["send", "hold", "skip"]
    states: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    longest_days: Annotated[int, Field(ge=1, le=365)] = 30

    def fits(self, state: str, method: str) -> bool:
        return (not self.states or state in self.states) and (not self.methods or method in self.methods)


class StoreView(Section):
    """One of a site's, where it is otherwise than the site. `website`: guests of its stores are one customer."""

    time_zone: TimeZone | None = None
    website: Annotated[str, Field(min_length=1)] | None = None


class StockCheck(Section):
    """`interval_s` 0: only when an operator asks for it. `repairs`: what nothing explains is written again."""

    interval_s: Annotated[float, Field(ge=0)] = 86400
    grace_s: Annotated[float, Field(ge=0)] = 10
    repairs: bool = True


class Site(Section):
    """One Magento installation, written to through its agent, or directly where `rest` says how.

    `sources` maps a BNG warehouse to the Magento source that shows its stock; `stores` is by Magento's store id; of the
    `export` rules the first that fits counts.
    """

    time_zone: TimeZone = "UTC"
    go_live_at: datetime | None = None
    external_id: str = "{site}-{id}"
    guest_policy: Literal["per-email", "per-order", "generic"] = "per-email"
    generic_customer_id: str | None = None
    sources: dict[str, str] = Field(default_factory=dict)
    stores: dict[Annotated[str, Field(pattern=r"^\d+$")], StoreView] = Field(default_factory=dict)
    export: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], ExportRule] = Field(default_factory=dict)
    stock_policy: Literal["physical", "compensate"] = "physical"
    backorders: bool = False
    open_order_days: Annotated[int, Field(ge=1)] = 90
    offline_methods: tuple[str, ...] = ("checkmo", "banktransfer", "cashondelivery", "purchaseorder", "free")
    timeout_s: Seconds = 30
    execution_limit_s: Annotated[float, Field(ge=0)] = 60
    requests_per_s: Annotated[float, Field(gt=0)] = 10
    concurrency: Annotated[int, Field(ge=1)] = 4
    limits: dict[MagentoCalls, Limit] = Field(default_factory=dict)
    stale_after_s: Seconds = 30
    rest: MagentoSection | None = None
    manifest: Manifest = Manifest()
    stock_check: StockCheck = StockCheck()
    magento_version: Annotated[str, Field(pattern=r"^2\.\d+\.\d+")] = "2.4.7"

    @property
    def websites(self) -> dict[str, str]:
        """By store id, where it is named."""
        return {store: each.website for store, each in self.stores.items() if each.website is not None}

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", self.magento_version)[:3])

    @model_validator(mode="after")
    def _generic_needs_a_customer(self) -> Self:
        if (self.guest_policy == "generic") != (self.generic_customer_id is not None):
            raise ValueError("guest_policy 'generic' and generic_customer_id belong together")
        if "{id}" not in self.external_id:
            raise ValueError("external_id must contain {id}, or every record gets the same one")
        if self.go_live_at is not None and self.go_live_at.tzinfo is None:
            raise ValueError("go_live_at needs an offset, such as 2026-01-31T00:00:00Z")
        _check_limits(self, self.limits)
        return self


def _check_limits(target: Bng | Site, limits: Mapping[Any, Limit]) -> None:
    """One that is wider than the target's own would never count: somebody who wrote it expects something else."""
    for name, limit in limits.items():
        for key in ("requests_per_s", "concurrency"):
            own, of_target = getattr(limit, key), getattr(target, key)
            if own is not None and own > of_target:
                raise ValueError(f"limits.{name}.{key} is {own:g}, above the {of_target:g} for all calls together")


class AlertsSection(Section):
    """Who is told of an alert, besides the log and `bridgectl status`."""

    command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    webhook_url: Annotated[str, AfterValidator(_http_address)] | None = None
    webhook_secret_file: Path | None = None

    @model_validator(mode="after")
    def _secret_signs_a_webhook(self) -> Self:
        if self.webhook_secret_file is not None and self.webhook_url is None:
            raise ValueError("webhook_secret_file signs what goes to webhook_url; set that, too")
        return self


class BridgeConfig(Section):
    bridge: Daemon = Daemon()
    alerts: AlertsSection = AlertsSection()
    broker: BrokerSection
    bng: Bng
    sites: Annotated[dict[str, Site], Field(min_length=1)]

    @model_validator(mode="after")
    def _external_ids_of_sites_differ(self) -> Self:
        made = [site.external_id.format(site=name, id="1") for name, site in self.sites.items()]
        if len(set(made)) < len(made):
            raise ValueError("two sites make the same external_id; put {site} into it")
        return self

    def secret_files(self) -> dict[str, Path]:
        """The files named, by key."""
        named = {
            "broker.password_file": self.broker.password_file,
            "bng.client_secret_file": self.bng.client_secret_file,
            "bng.api_key_file": self.bng.api_key_file,
            "bng.webhooks.secret_file": self.bng.webhooks.secret_file,
            "alerts.webhook_secret_file": self.alerts.webhook_secret_file,
        }
        for name, site in self.sites.items():
            if site.rest is not None:
                files = site.rest.secret_files()
                named |= {f"sites.{name}.rest.{key}": file for key, file in files.items()}
        return {key: file for key, file in named.items() if file is not None}
