"""`bng-bridge`: run the daemon, check its configuration, migrate its store."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import click

from bng_bridge import __version__, daemon, store
from bng_bridge.bng import profile_file
from bng_bridge.bng.announcements import Announcements, verifier
from bng_bridge.bundles.installation import BACK_TO_NONE, Change, Installation, installation_of
from bng_bridge.config import BridgeConfig
from bridge_common import log as logs
from bridge_common import service
from bridge_common.config import load, locate, read_secret
from bridge_common.errors import BridgeError, ConfigError
from bridge_common.person import who

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
        installation_of(config).load()
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


@main.group("bundle")
def bundle_group() -> None:
    """Deploy or roll back while the bridge does not run. While it runs: bridgectl bundle.

    Run it as the service's user: sudo -u bng-bridge bng-bridge bundle deploy FILE.
    """


note_option = click.option("--note", default="", help="Why, for the history.")


@bundle_group.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path))
@note_option
def deploy(path: Path, file: Path, note: str) -> None:
    """Put the bundle FILE in force, for the next start; docs/bundles.md."""
    _change(path, lambda here: here.deploy(_read(file), by=who(), note=note))


@bundle_group.command()
@config_option
@click.option("--to", default="", help=f"The beginning of a kept bundle's identity, or {BACK_TO_NONE}.")
@note_option
def rollback(path: Path, to: str, note: str) -> None:
    """Go back to the bundle that was in force before, for the next start."""
    _change(path, lambda here: here.rollback(by=who(), to=to, note=note))


def _change(path: Path, change: Callable[[Installation], Change]) -> None:
    config = _load(path)
    try:
        _check_owner(config.bridge.state_dir)
        made = change(installation_of(config))
    except BridgeError as error:
        service.fail(error)
    entry = made.entry
    word = "in force from the next start on, where the bridge runs at once" if made.is_new else "was in force already"
    click.echo(f"{entry.identity[:12] or 'no bundle'} {entry.name} {entry.version}".strip() + f": {word}")


def _check_owner(state_dir: Path) -> None:
    """Or the bridge could not change later what was made here. Raises ConfigError."""
    owner = state_dir.stat().st_uid if state_dir.exists() else os.geteuid()
    if owner != os.geteuid():
        raise ConfigError(f"{state_dir} belongs to another user.", hint=f"Run this as that one: sudo -u '#{owner}' …")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error


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
