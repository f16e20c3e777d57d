"""`bridgectl`: what an operator asks and does, over the daemon's socket."""

from pathlib import Path

import click

from bng_bridge import __version__
from bng_bridge.ctl.alerts import alerts
from bng_bridge.ctl.bundle import bundle_group
from bng_bridge.ctl.command import Bridgectl
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.customers import conflicts, customer, link, unlink
from bng_bridge.ctl.dead_letters import dlq
from bng_bridge.ctl.drain import drain
from bng_bridge.ctl.flow import flow_group
from bng_bridge.ctl.ledger import ledger
from bng_bridge.ctl.manifest import manifest
from bng_bridge.ctl.map import map_group
from bng_bridge.ctl.queue import queue
from bng_bridge.ctl.replay import replay, resync
from bng_bridge.ctl.restored import restored, site
from bng_bridge.ctl.status import ping, status
from bng_bridge.ctl.stock import stock
from bng_bridge.ctl.targets import pause, resume
from bng_bridge.ctl.trace import trace

DEFAULT_SOCKET = Path("/run/bng-bridge/admin.sock")


@click.group(cls=Bridgectl, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--socket", type=click.Path(path_type=Path), default=DEFAULT_SOCKET, envvar="BRIDGECTL_SOCKET",
              show_default=True, help="The daemon's admin socket, or set BRIDGECTL_SOCKET.")  # fmt: skip
@click.version_option(__version__, prog_name="bridgectl")
@click.pass_context
def main(context: click.Context, socket: Path) -> None:
    """Operate the BNG bridge: is it well, where is this order, what is stuck and what to do about it.

    \b
      bridgectl status              the verdict and its first cause
      bridgectl trace 000000123     one order's way, hop by hop
      bridgectl customer EMAIL      a customer's two sides, beside each other
      bridgectl dlq list            what waits for a person, with a hint each
      bridgectl ledger              is everything of today at the other side, and do the sums agree
    """
    context.obj = Daemon(socket)


for each in (
    status, trace, ping, queue, dlq, alerts, ledger, manifest, stock, pause, resume, drain, resync, replay, restored, site,
    customer, conflicts, link, unlink, map_group, flow_group, bundle_group,
):  # fmt: skip
    main.add_command(each)
