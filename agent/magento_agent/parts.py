"""Everything a session works with; it lives as long as the program, over all connections."""

import fcntl
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bridge_common.errors import ConfigError, TargetUnavailable
from bridge_common.magento_rest import MagentoRest
from bridge_common.mqtt import BrokerAddress
from magento_agent.answers import Answers
from magento_agent.capture_file import CaptureFile
from magento_agent.config import AgentConfig
from magento_agent.database import agent_account
from magento_agent.gateway import Gateway
from magento_agent.health import Health
from magento_agent.hydrate import Hydrator
from magento_agent.outbox import Outbox
from magento_agent.poller import Poller
from magento_agent.rows import Rows


@dataclass
class Parts:
    """`database_id` is what the next hello says; empty until the start checks have read it. `instance` names this run of the
    agent, `last_epoch` the newest epoch that it was granted."""

    config: AgentConfig
    broker: BrokerAddress
    health: Health
    outbox: Rows
    rest: MagentoRest
    hydrator: Hydrator
    gateway: Gateway
    poller: Poller | None
    database_id: str = ""
    instance: str = field(default_factory=lambda: str(uuid.uuid4()))
    last_epoch: int | None = None


@asynccontextmanager
async def open_parts(config: AgentConfig) -> AsyncIterator[Parts]:
    """Reads every secret and locks the state directory. Raises ConfigError."""
    broker = config.broker.address(default_username=config.agent.site)
    with _locked(config.agent.state_dir):
        answers = Answers(config.agent.state_dir / "gateway.sqlite")
        outbox = _rows(config)
        try:
            async with MagentoRest(config.magento) as rest:
                health = Health()
                gateway = Gateway(
                    config.gateway,
                    answers=answers,
                    rest=rest,
                    outbox=outbox,
                    health=health,
                    max_packet_bytes=config.relay.max_packet_bytes,
                )
                poller = _poller(config, rest, outbox, health)
                yield Parts(config, broker, health, outbox, rest, Hydrator(rest), gateway, poller)
        finally:
            outbox.close()
            answers.close()


def _rows(config: AgentConfig) -> Rows:
    if config.outbox is not None:
        return Outbox(config.outbox, agent_account(config.outbox))
    return CaptureFile(config.agent.state_dir / "capture.sqlite", config.magento.base_url)


def _poller(config: AgentConfig, rest: MagentoRest, rows: Rows, health: Health) -> Poller | None:
    if config.polling is None or not isinstance(rows, CaptureFile):
        return None
    return Poller(config.polling, rest, rows, health)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One agent per state directory: two under one name would throw each other off the broker."""
    path = folder / "lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be opened: {error.strerror}.", hint="[agent] state_dir must be writable by this user."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise TargetUnavailable(
            f"Another magento-agent is running with the state directory {folder}.",
            hint="It carries the rows already; stop it first, or name another state_dir for another site.",
        ) from error
    finally:
        os.close(handle)
