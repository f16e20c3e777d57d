"""`bridge-sandbox shop`: a Magento to try against and to test against."""

import asyncio
from pathlib import Path

import click
import uvloop

from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.server import ShopSettings, serve


@click.command()
@click.option("--db-socket", type=click.Path(path_type=Path), help="Unix socket of MariaDB.")
@click.option("--db-host", default="127.0.0.1", show_default=True)
@click.option("--db-port", default=3306, show_default=True)
@click.option("--db-user", default="magento", show_default=True)
@click.option("--db-password-file", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--db-name", default="shop", show_default=True)
@click.option("--table-prefix", default="", help="Before every table's name, as in app/etc/env.php.")
@click.option("--port", default=0, help="Of the REST API; 0 takes a free one.")
@click.option("--admin-port", default=0, help="Of the admin server; 0 takes a free one.")
@click.option("--token", required=True, help="The integration's access token.")
@click.option("--init", is_flag=True, help="Create the tables and the goods if they are not there.")
def shop(
    *,
    db_socket: Path | None,
    db_host: str,
    db_port: int,
    db_user: str,
    db_password_file: Path,
    db_name: str,
    table_prefix: str,
    port: int,
    admin_port: int,
    token: str,
    init: bool,
) -> None:
    """Run the sandbox shop until SIGTERM."""
    database = DatabaseSettings(
        name=db_name,
        user=db_user,
        password=db_password_file.read_text(encoding="utf-8").strip(),
        socket=db_socket,
        host=db_host,
        port=db_port,
        prefix=table_prefix,
    )
    settings = ShopSettings(database, token, port, admin_port, init)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))
