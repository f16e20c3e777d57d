"""`magento-agent outbox install | check | uninstall`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge_common import service
from bridge_common.config import load
from bridge_common.errors import BridgeError, ConfigError
from magento_agent import installer
from magento_agent.config import DEFAULT_PATH, AgentConfig, Outbox
from magento_agent.database import agent_account
from magento_agent.findings import Finding, exit_code
from magento_agent.inspection import inspect
from magento_agent.installer import Report
from magento_agent.owner import owner_account, owner_session

T = TypeVar("T")
Command = Callable[..., Any]


def config_option(command: Command) -> Command:
    return click.option(
        "--config",
        "path",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_PATH,
        show_default=True,
        help="The configuration file; packaging/agent.toml explains every option.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def outbox() -> None:
    """Table and triggers in the shop's database.

    These commands connect as the shop's own database account ([outbox.owner]), because its triggers run with the rights
    of whoever made them. The service itself uses an account that may only read and empty the outbox table.
    """


@outbox.command()
@config_option
@json_option
def install(path: Path, *, as_json: bool) -> None:
    """Create the outbox table and its triggers, or bring them up to date.

    Can be repeated at any time, also while the shop is in use: only what differs is changed, and no statement holds a
    table for more than two seconds. A table that Magento's own indexing subscribes is refused, since a further trigger
    there makes setup:upgrade abort.
    """

    def run(section: Outbox) -> Report:
        agent = agent_account(section)
        with owner_session(section, owner_account(section)) as session:
            return installer.install(session, agent)

    report = _call(path, run)
    _print_report(report, as_json=as_json)
    if report.refused:
        raise SystemExit(78)


@outbox.command()
@config_option
@json_option
def check(path: Path, *, as_json: bool) -> None:
    """Check table, triggers, their definer, and the rights of the agent's account.

    Changes nothing. Ends with 0, or with 77 (a right is missing), 78 (something is not as installed) or 69.
    """

    def run(section: Outbox) -> list[Finding]:
        owner = owner_account(section) if section.owner else None
        return inspect(section, agent_account(section), owner)

    findings = _call(path, run)
    if as_json:
        click.echo(json.dumps([finding.fields() for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(finding.line())
    raise SystemExit(exit_code(findings))


@outbox.command()
@config_option
@json_option
@click.option("--force", is_flag=True, help="Also when rows still wait: they are given up.")
def uninstall(path: Path, *, as_json: bool, force: bool) -> None:
    """Remove the triggers, then the table. Refuses while rows wait."""

    def run(section: Outbox) -> Report:
        with owner_session(section, owner_account(section)) as session:
            return installer.uninstall(session, force=force)

    _print_report(_call(path, run), as_json=as_json)


def _call(path: Path, function: Callable[[Outbox], T]) -> T:
    try:
        section = load(path, AgentConfig).outbox
        if section is None:
            raise ConfigError(
                f"{path} has [polling] and no [outbox]: there is nothing to install in the shop's database."
            )
        return function(section)
    except BridgeError as error:
        service.fail(error)


def _print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        agent = [finding.fields() for finding in report.agent]
        fields = {"changes": report.changes, "notes": report.notes, "refused": report.refused, "agent": agent}
        click.echo(json.dumps(fields, indent=2))
        return
    for line in (*(report.changes or ["nothing to change"]), *report.notes):
        click.echo(line)
    for line in report.refused:
        click.echo(f"refused {line}. List it in [outbox] without, if its changes are not needed.", err=True)
    for finding in report.agent:
        click.echo(finding.line())
