"""`bng-bridge`: run the daemon, check its configuration, migrate its store."""

import asyncio
import json
import os
from pathlib import Path

import click

from bng_bridge import __version__, daemon, store
from bng_bridge.bng import profile_file
from bng_bridge.bng.announcements import Announcements, verifier
from bng_bridge.config import BridgeConfig
from bng_bridge.flow_files.file_set import load_set
from bridge_common import log as logs
from bridge_common import service
from bridge_common.config import load, locate, read_secret
from bridge_common.errors import BridgeError, ConfigError

DEFAULT_CONFIG = Path("/etc/bng-bridge/bridge.toml")
config_option = click.option(
    "--config", "path", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True,
    help="The bridge's TOML file; packaging/bridge.toml explains every option.",
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bng-bridge")
def main() -> None:
    """The bridge between Magento sites and BNG: takes events from the agents, applies them, both ways.

    \b
    Exit codes: 0 stopped as asked, 69 something it needs cannot be reached,
                77 a login or right is refused, 78 the configuration is wrong.
    """


@main.command()
@config_option
def run(path: Path) -> None:
    """Run until SIGTERM. Operate it with bridgectl."""
    logs.setup()
    config = _load(path)
    _check_secrets(path, config, config.secret_files())

    async def body(stop: asyncio.Event) -> None:
        await daemon.run(config, stop)

    service.run_daemon(body, name="bng-bridge")


@main.command()
@config_option
def migrate(path: Path) -> None:
    """Bring the store to this program's schema, keeping a copy. `run` does the same."""
    config = _load(path)
    file = config.bridge.state_dir / "bridge.sqlite"
    try:
        with store.usable(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            found, now = store.migrate(file)
    except BridgeError as error:
        service.fail(error)
    click.echo(f"{file}: schema {now}" + ("" if found == now else f" (was {found})"))


@main.group("config")
def config_group() -> None:
    """Look at the configuration."""


@config_group.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print {ok, sites, unchecked}.")
def check(path: Path, as_json: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """Read the file, every secret it names, and the flow and mapping files; say what is wrong with file, line and key.

    A relative secret is a credential that systemd gives to the service only: it is checked when the service starts.
    """
    config = _load(path)
    try:
        load_set(config.bridge.mappings_dir, config.sites, config.bridge.flows_dir)
    except BridgeError as error:
        service.fail(error)
    secrets = config.secret_files()
    credentials = {} if "CREDENTIALS_DIRECTORY" in os.environ else _relative(secrets)
    _check_secrets(path, config, {key: file for key, file in secrets.items() if key not in credentials})
    sites = sorted(config.sites)
    if as_json:
        click.echo(json.dumps({"ok": True, "sites": sites, "unchecked": sorted(credentials)}))
        return
    click.echo(f"{path}: good, sites: {', '.join(sites)}")
    if credentials:
        click.echo(f"checked at the start of the service: {', '.join(sorted(credentials))}")


def _load(path: Path) -> BridgeConfig:
    try:
        config = load(path, BridgeConfig)
        _check_profile(path, config.bng.profile)
        return config
    except BridgeError as error:
        service.fail(error)


def _check_profile(path: Path, name: str) -> None:
    """Raises ConfigError; what is wrong inside the profile names its own file and line."""
    try:
        profile_file.path_of(name)
    except ConfigError as error:
        raise ConfigError(f"{locate(path, 'bng.profile')}: bng.profile: {error.message}", hint=error.hint) from error
    profile_file.load(name)


def _check_secrets(path: Path, config: BridgeConfig, secrets: dict[str, Path]) -> None:
    for key, file in secrets.items():
        try:
            secret = read_secret(file, key=key)
            if key == "bng.webhooks.secret_file":
                Announcements(profile_file.load(config.bng.profile), secret)
            if key == "alerts.webhook_secret_file":
                verifier(secret, key)
        except BridgeError as error:
            service.fail(ConfigError(f"{locate(path, key)}: {error.message}", hint=error.hint))


def _relative(secrets: dict[str, Path]) -> dict[str, Path]:
    return {key: file for key, file in secrets.items() if not file.is_absolute()}
