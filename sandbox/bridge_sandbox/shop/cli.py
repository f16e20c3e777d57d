"""`bridge-sandbox shop`: a Magento to try against and to test against."""

import asyncio
import json
from pathlib import Path

import click
import uvloop

from bridge_sandbox.shop.access import ADMIN_TOKEN_LIFE_S, AccessSettings
from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.hooks import HookSettings
from bridge_sandbox.shop.server import ShopSettings, serve
from bridge_sandbox.shop.signature import OAuthKeys


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
@click.option(
    "--bearer/--no-bearer",
    default=True,
    show_default=True,
    help="Accept it as Bearer, as with oauth/consumer/enable_integration_as_bearer.",
)
@click.option("--consumer-key", help="With the two secrets: the integration may sign its requests (OAuth 1.0a).")
@click.option("--consumer-secret")
@click.option("--token-secret")
@click.option(
    "--oauth-file",
    type=click.Path(path_type=Path, exists=True),
    help='The same from a file: {"consumer_key", "consumer_secret", "token_secret"}.',
)
@click.option("--php-host", help="The Host that PHP sees, and signatures cover, behind a proxy that changes it.")
@click.option(
    "--limited-token",
    "limited_tokens",
    multiple=True,
    metavar="TOKEN=RESOURCE[,RESOURCE]",
    help="A further integration with these resources only, such as Magento_Sales::actions_view.",
)
@click.option("--admin-token-life", default=ADMIN_TOKEN_LIFE_S, show_default=True, help="Seconds.")
@click.option("--webhook-url", help="Where orders and customers are announced, once each and never again.")
@click.option("--webhook-secret", help="whsec_ and base64; signs the webhooks.")
@click.option(
    "--sources/--no-sources",
    default=True,
    show_default=True,
    help="With Multi-Source Inventory; without it a product has one quantity, and an order takes from it at once.",
)
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
    bearer: bool,
    consumer_key: str | None,
    consumer_secret: str | None,
    token_secret: str | None,
    oauth_file: Path | None,
    php_host: str | None,
    limited_tokens: tuple[str, ...],
    admin_token_life: float,
    webhook_url: str | None,
    webhook_secret: str | None,
    sources: bool,
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
        has_sources=sources,
    )
    access = AccessSettings(
        bearer=bearer,
        oauth=read_keys(token, (consumer_key, consumer_secret, token_secret), oauth_file),
        admin_token_life_s=admin_token_life,
        limited=dict(map(read_limited_token, limited_tokens)),
        php_host=php_host,
    )
    if (webhook_url is None) != (webhook_secret is None):
        raise click.UsageError("--webhook-url and --webhook-secret belong together")
    hooks = HookSettings(webhook_url, webhook_secret) if webhook_url and webhook_secret else None
    settings = ShopSettings(database, token, port, admin_port, init, access, hooks)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))


def read_keys(token: str, named: tuple[str | None, str | None, str | None], file: Path | None) -> OAuthKeys | None:
    """The integration's keys from the options or the file; None when there are none."""
    if file is not None:
        keys = json.loads(file.read_text(encoding="utf-8"))
        named = (keys.get("consumer_key"), keys.get("consumer_secret"), keys.get("token_secret"))
    consumer_key, consumer_secret, token_secret = named
    if consumer_key and consumer_secret and token_secret:
        return OAuthKeys(consumer_key, consumer_secret, token, token_secret)
    if any(named) or file is not None:
        raise click.UsageError("a signature needs consumer key, consumer secret and token secret")
    return None


def read_limited_token(text: str) -> tuple[str, frozenset[str]]:
    """TOKEN=RESOURCE,RESOURCE taken apart."""
    token, _, resources = text.partition("=")
    return token, frozenset(resources.split(","))
