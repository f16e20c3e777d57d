"""`bridgectl report`: tables for whoever plans and buys."""

import click

from bng_bridge.ctl.demand import demand


@click.group("report")
def report_group() -> None:
    """Tables for whoever plans and buys."""


report_group.add_command(demand)
