"""`bridge-sandbox bng`: the server as a process."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import click
import uvloop

from bridge_sandbox.bng.profile import profile_options
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings


@click.command()
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), required=True, help="SQLite file.")
@click.option("--host", default=Settings.host, show_default=True)
@click.option("--port", default=0, show_default=True, help="0: any free port.")
@click.option("--admin-port", default=0, show_default=True, help="0: any free port.")
@click.option("--client-id", default=Settings.client_id, show_default=True)
@click.option("--client-secret", default=Settings.client_secret, show_default=True)
@click.option("--api-key", default=Settings.api_key, show_default=True)
@click.option("--token-life", "token_life_s", default=Settings.token_life_s, show_default=True, help="Seconds.")
@click.option("--rate", type=float, help="Requests per second; without it there is no limit.")
@profile_options
@click.option("--webhook-url", help="Send all webhooks there.")
@click.option("--webhook-secret", help="whsec_ and base64.")
def bng(**options: Any) -> None:
    """Serve a sandbox BNG until SIGTERM or SIGINT."""
    settings = Settings(**options)
    if bool(settings.webhook_url) != bool(settings.webhook_secret):
        raise click.UsageError("--webhook-url and --webhook-secret go together")
    uvloop.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve until a signal comes; says `ready` on standard output when it listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings) as running:
        click.echo(f"ready {running.url} admin {running.admin_url}")
        await stop.wait()
