"""`bridge-sandbox`: the two servers, what runs everything between them, and the chaos that breaks it.

A command's module is imported when it is called: a server must not pay for the demo's imports at its start.
"""

from importlib import import_module

import click

COMMANDS = {
    "backfill": "bridge_sandbox.backfill",
    "bng": "bridge_sandbox.bng.cli",
    "chaos": "bridge_sandbox.chaos.cli",
    "demo": "bridge_sandbox.demo",
    "mutants": "bridge_sandbox.chaos.mutants.cli",
    "shop": "bridge_sandbox.shop.cli",
}


class Commands(click.Group):
    """Each command is the attribute of its own name in its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.command(cls=Commands)
def main() -> None:
    """A Magento shop and a BNG to try the bridge against; nothing here is needed in production."""
