"""The command line: `magento-agent run | once | schema | config check | outbox install, check, uninstall`.

Exit codes (sysexits.h): 0 good, 69 something is unreachable, 76 a second agent of the same name has taken this one's place,
77 a right or password is missing, 78 the configuration is wrong, 2 the command line is.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path

import click

from bridge_common import decimal_json, log, service
from bridge_common.config import load
from bridge_common.errors import BridgeError, ConfigError
from bridge_common.magento_rest import MagentoRest
from magento_agent import __version__, daemon, schema
from magento_agent.config import AgentConfig
from magento_agent.database import agent_account
from magento_agent.outbox_cli import config_option, json_option, outbox
from magento_agent.webhooks import verifier


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="magento-agent")
def main() -> None:
    """Carries changes of a Magento shop to the bng-bridge, and its writes into the shop.

    \b
    First time, in this order:
      magento-agent config check              is the configuration file right?
      magento-agent outbox install            table and triggers, as the shop's own database account
      magento-agent outbox check              do they work, and may the agent's account use them?
      magento-agent once                      carry what waits, and end
      magento-agent run                       the service

    A change in the shop writes a row into the outbox table, in the shop's own transaction. The agent reads the rows,
    reads the orders and customers by REST, publishes them over MQTT, and deletes the rows when the bridge has stored
    them. What cannot be delivered stays in the table; nothing else holds state.

    Where the shop's database is out of reach, [polling] takes the place of [outbox]: REST is asked for changes, and the
    rows are in a file in [agent] state_dir. There is nothing to install then.
    """


@main.command()
@config_option
def run(path: Path) -> None:
    """Run the service until SIGTERM.

    Ends with one sentence and a remedy when database, shop or broker refuse it at the start; waits for them when they go
    away later. When a second agent runs under the same name, the one that came first ends with 76. Logs to standard
    error, one line per event.
    """
    config = _load(path)
    log.setup()
    service.run_daemon(lambda stop: daemon.run(config, stop), name="magento-agent")


@main.command()
@config_option
@json_option
def once(path: Path, *, as_json: bool) -> None:
    """Carry everything that waits in the outbox now, then end.

    Ends with 69 when the bridge sends no receipt in time; what is not receipted stays in the table.
    """
    config = _load(path)
    log.setup(level=logging.WARNING)
    counts = service.run(daemon.once(config))
    if as_json:
        click.echo(json.dumps(asdict(counts)))
    else:
        click.echo(
            f"{counts.events} events in {counts.batches} batches published and receipted; "
            f"{counts.deleted_rows} rows deleted."
        )


@main.command("schema")
@config_option
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it; without it, standard output.",
)
def schema_(path: Path, output: Path | None) -> None:
    """Save the shop's own description of its models.

    \b
    magento-agent schema -o shop1.json
    bridgectl map check --schema shop1.json orders.yaml

    It has the fields that modules add to orders, customers and products, as far as the agent's login may see them.
    """
    text = decimal_json.pretty(service.run(schema.read(_load(path).magento))) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        service.fail(ConfigError(f"{output} cannot be written: {error.strerror}."))
    click.echo(f"{output}: {len(text) // 1024} kB")


@main.group()
def config() -> None:
    """The configuration file."""


@config.command("check")
@config_option
def config_check(path: Path) -> None:
    """Check the file and every secret it names; connects to nothing."""
    checked = _load(path)
    try:
        checked.broker.address(default_username=checked.agent.site)
        MagentoRest(checked.magento)
        if checked.outbox is not None:
            agent_account(checked.outbox)
        if checked.polling is not None and checked.polling.webhooks.port:
            verifier(checked.polling.webhooks)
    except BridgeError as error:
        service.fail(error)
    click.echo(f"{path}: good; site {checked.agent.site}, shop {checked.magento.base_url}")


main.add_command(outbox)


def _load(path: Path) -> AgentConfig:
    try:
        return load(path, AgentConfig)
    except BridgeError as error:
        service.fail(error)
