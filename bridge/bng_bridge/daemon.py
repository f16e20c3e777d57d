"""Puts the parts together and runs them: one TaskGroup; the first part to die stops the daemon."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from bng_bridge import cleaner, intents, life
from bng_bridge.admin import restored, socket
from bng_bridge.admin.bridge import Bridge
from bng_bridge.admin.targets import restore_pauses
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.alerting.notifier import Notifier
from bng_bridge.alerting.ways import Command, Way, WebhookPost
from bng_bridge.bng import subscriptions
from bng_bridge.bng.announcements import Announcements, verifier
from bng_bridge.bng.client import BngClient
from bng_bridge.bng.target import BngTarget
from bng_bridge.bundles.installation import installation_of
from bng_bridge.config import AlertsSection, BridgeConfig, Site
from bng_bridge.deliver import Deliver
from bng_bridge.flows.context import Context
from bng_bridge.flows.registry import run_flow
from bng_bridge.holds import Holds
from bng_bridge.inbox import Claimed
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.target import MagentoTarget
from bng_bridge.magento.transport import DirectTransport, GatewayTransport, Transport
from bng_bridge.manifest.manifest import Manifest
from bng_bridge.mapping_reload import MappingReload
from bng_bridge.mappings import Mappings
from bng_bridge.outcome import Outcome
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence, epoch_of
from bng_bridge.sources import webhooks
from bng_bridge.sources.followed import followed
from bng_bridge.sources.poller import Poller
from bng_bridge.sources.sweeper import Sweeper
from bng_bridge.stock_check.stock_check import StockCheck
from bng_bridge.store import Store, open_store
from bng_bridge.target import Target, Write
from bng_bridge.watching import clock_guard, full_disk
from bng_bridge.watching.watch import Watch
from bng_bridge.worker import Worker
from bridge_common import systemd
from bridge_common.clock import ClockWatch, steady_now, to_text, utc_now
from bridge_common.config import read_secret
from bridge_common.errors import ConfigError, IdentityChanged, RejectedByTarget, TransientError
from bridge_common.http import connector
from bridge_common.log import log
from bridge_common.magento_rest import MagentoRest
from bridge_common.mqtt import connect, keep_connected


@dataclass(frozen=True)
class Parts:
    store: Store
    worker: Worker
    receiver: Receiver
    poller: Poller
    watch: Watch
    bridge: Bridge
    clock: ClockWatch


async def run(config: BridgeConfig, stop: asyncio.Event) -> None:
    """Check what it depends on, then run until `stop` and drain.

    Raises ConfigError, AccessDenied or TargetUnavailable when the start fails; after it, losses are survived.
    """
    address = config.broker.address(default_username="bridge")
    loaded = await asyncio.to_thread(installation_of(config).load)
    mappings = Mappings(loaded.mappings, bundle=loaded.bundle)
    async with AsyncExitStack() as stack:
        # The store first: a second bridge is refused by it before it takes the first one's place at the broker.
        store = open_store(config.bridge.state_dir / "bridge.sqlite")
        stack.push_async_callback(store.close)
        async with connect(address):
            pass
        parts = await _build(config, store, mappings, stack)
        restore_pauses(parts.bridge)
        await _serve(config, parts, stack)
        async with (
            full_disk.told(parts.store, parts.bridge.alerts, parts.bridge.notifier),
            asyncio.TaskGroup() as group,
        ):
            tasks = [
                group.create_task(keep_connected(address, parts.receiver.session), name="receiver"),
                group.create_task(parts.poller.run(), name="poller"),
                group.create_task(parts.bridge.sweeper.run(), name="sweeper"),
                group.create_task(life.run(parts.store), name="life"),
                group.create_task(cleaner.run(parts.store, parts.clock), name="cleaner"),
                group.create_task(
                    clock_guard.run(parts.clock, parts.store, parts.worker, parts.bridge.alerts), name="clock"
                ),
                group.create_task(parts.watch.run(), name="watch"),
                group.create_task(_subscribe(config, parts.bridge.context.bng), name="subscriptions"),
                group.create_task(parts.bridge.notifier.run(), name="notifier"),
                group.create_task(parts.bridge.reload.run(), name="mapping-reload"),
            ]
            tasks += [
                group.create_task(each.run(), name=f"manifest {site}") for site, each in parts.bridge.manifests.items()
            ]
            tasks += [
                group.create_task(each.run(), name=f"stock-check {site}")
                for site, each in parts.bridge.stock_checks.items()
            ]
            worker = group.create_task(parts.worker.run(stop), name="worker")
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, parts.bridge.reload.ask)
            systemd.notify("READY=1")
            log("started", program="bng-bridge", sites=",".join(config.sites))
            await stop.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker, config.bridge.drain_s)
            for task in tasks:
                task.cancel()


async def _build(config: BridgeConfig, store: Store, mappings: Mappings, stack: AsyncExitStack) -> Parts:
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector(limit=0)))
    bng = BngClient(session, config.bng)
    await bng.check()
    receiver_box: list[Receiver] = []

    async def publish(topic: str, payload: bytes, expiry_s: float) -> None:
        await receiver_box[0].publish(topic, payload, expiry_s)

    presence = {name: Presence() for name in config.sites}
    gateways = {name: GatewayTransport(name, publish, presence[name].why_held) for name in config.sites}
    for name, gateway in gateways.items():
        gateway.epoch = epoch_of(store.read, name)
    magento = {
        name: MagentoClient(name, site, await _transport(name, site, gateways[name], presence[name], stack))
        for name, site in config.sites.items()
    }
    targets = _targets(bng, magento)
    deliver = Deliver(store, targets)
    await _take_up(store, deliver, targets.longest_quiet_s())
    context = Context(config.sites, bng, magento, deliver, store.read, mappings)

    notifier, clock = Notifier(_ways(config.alerts, session)), ClockWatch()
    alerts = Alerts(notifier.take)
    holds = Holds(store, presence, alerts)

    async def flow(event: Claimed) -> Outcome:
        holds.check(event.site)
        try:
            return await run_flow(event, context)
        except IdentityChanged as error:
            await holds.hold(error.site or event.site, "record", error.message)
            raise

    worker = Worker(store, flow, slots=config.bridge.workers, room=bng.throttle.room, alerts=alerts, clock=clock)
    receiver = Receiver(store, worker, gateways, presence, alerts, holds)
    receiver_box.append(receiver)
    if life.is_open(store.read):
        alerts.begin(
            restored.ALERT, "the store is a copy that was put back",
            hint="bridgectl restored --backup-time T reads anew what came after the copy was made.",
        )  # fmt: skip
    bridge = Bridge(
        config, store, worker, receiver, context, gateways, presence, alerts, holds,
        sweeper=Sweeper(store, worker, bng, config.sites, alerts),
        reload=MappingReload(mappings, installation_of(config), alerts),
        notifier=notifier,
        manifests={name: Manifest(magento[name], gateways[name], store, alerts) for name in config.sites},
        stock_checks={name: StockCheck(context, name, store, worker, alerts) for name in config.sites},
        longest_quiet_s=targets.longest_quiet_s(),
    )  # fmt: skip
    shops = {name: client.throttle for name, client in magento.items()}
    watch = Watch(alerts, receiver, bng.throttle, shops, config.sites, presence, store)
    poller = Poller(
        store, worker, bng, config.bng.poll, lambda: followed(context.mappings.current, config.sites, store.read)
    )
    return Parts(store, worker, receiver, poller, watch, bridge, clock)


def _ways(section: AlertsSection, session: aiohttp.ClientSession) -> list[Way]:
    """Raises ConfigError for a secret that cannot be used."""
    ways: list[Way] = [Command(section.command)] if section.command else []
    if section.webhook_url is not None:
        key, file = "alerts.webhook_secret_file", section.webhook_secret_file
        signer = None if file is None else verifier(read_secret(file, key=key), key)
        ways.append(WebhookPost(session, section.webhook_url, signer))
    return ways


async def _take_up(store: Store, deliver: Deliver, quiet_s: float) -> None:
    """What an earlier run may have under way: known to this store, or not, when the store is a copy."""
    await life.begin(store)
    until = to_text(steady_now() + timedelta(seconds=quiet_s))
    await store.write(lambda db: intents.begin_quiet(db, until))
    if (restored_at := life.restored_at(store.read)) is not None:
        deliver.wait_out(min(quiet_s, quiet_s - (utc_now() - restored_at).total_seconds()))


async def _transport(
    name: str, site: Site, gateway: GatewayTransport, presence: Presence, stack: AsyncExitStack
) -> Transport:
    """Directly to a hosted shop; otherwise through the site's agent."""
    if site.rest is None:
        return gateway
    rest = await stack.enter_async_context(MagentoRest(site.rest, table=f"sites.{name}.rest"))
    await check_shop(name, site.rest.base_url, rest)
    return DirectTransport(rest, presence.why_held)


async def check_shop(name: str, base_url: str, rest: MagentoRest) -> None:
    """One harmless read. A shop that is away is waited for later: the other sites must not wait with it.

    Raises AccessDenied and ConfigError, which somebody has to mend.
    """
    try:
        await rest.read("/V1/store/storeConfigs")
    except (TransientError, RejectedByTarget) as error:
        if isinstance(error, RejectedByTarget) and error.status < 500:
            raise ConfigError(
                f"{base_url} does not answer as a Magento shop: {error.message}.",
                hint=f"Check [sites.{name}.rest] base_url and store_code.",
            ) from error
        log("shop_unreadable", level=logging.WARNING, site=name, error=error.sentence())


def _targets(bng: BngClient, magento: dict[str, MagentoClient]) -> "TargetOf":
    bng_target: Target = BngTarget(bng)
    sites: dict[str, Target] = {name: MagentoTarget(client) for name, client in magento.items()}
    return TargetOf(bng_target, sites)


@dataclass(frozen=True)
class TargetOf:
    """The target that a write goes to."""

    bng: Target
    sites: dict[str, Target]

    def __call__(self, write: Write) -> Target:
        return self.bng if write.target == "bng" else self.sites[write.site]

    def longest_quiet_s(self) -> float:
        return max(target.quiet_s() for target in (self.bng, *self.sites.values()))


async def _serve(config: BridgeConfig, parts: Parts, stack: AsyncExitStack) -> None:
    await stack.enter_async_context(_unix_server(socket.application(parts.bridge), config.bridge.socket))
    hooks, bng = config.bng.webhooks, parts.bridge.context.bng
    if hooks.port and hooks.secret_file is not None:
        secret = read_secret(hooks.secret_file, key="bng.webhooks.secret_file")
        app = webhooks.application(parts.store, parts.worker, Announcements(bng.profile, secret), parts.poller.look)
        await stack.enter_async_context(_tcp_server(app, hooks.host, hooks.port))


async def _subscribe(config: BridgeConfig, bng: BngClient) -> None:
    """For ever, where BNG lets subscriptions die and the bridge is told how BNG reaches it."""
    hooks, how = config.bng.webhooks, bng.profile.webhooks.subscription
    if how is not None and hooks.port and hooks.secret_file is not None and hooks.public_url is not None:
        secret = read_secret(hooks.secret_file, key="bng.webhooks.secret_file")
        await subscriptions.run(bng, how, hooks.public_url, secret)


@asynccontextmanager
async def _unix_server(app: web.Application, path: Path) -> AsyncIterator[None]:
    """0600: whoever may open the socket may operate the bridge."""
    async with _running(app) as runner:
        try:
            _clear(path)
            await web.UnixSite(runner, str(path)).start()
            await asyncio.to_thread(path.chmod, 0o600)
        except OSError as error:
            raise ConfigError(
                f"bridge.socket: cannot listen on {path}: {error}.",
                hint="[bridge] socket must be in a folder that the service's user may write to, its path below 108 bytes.",
            ) from error
        yield


def _clear(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


@asynccontextmanager
async def _tcp_server(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    async with _running(app) as runner:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError(
                f"bng.webhooks: cannot listen on {host}:{port}: {error.strerror}.",
                hint="Choose a free port under [bng.webhooks].",
            ) from error
        yield


@asynccontextmanager
async def _running(app: web.Application) -> AsyncIterator[web.AppRunner]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()
