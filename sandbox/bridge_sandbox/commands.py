"""The command lines of a stage's sandbox servers."""

from pathlib import Path

from bridge_sandbox import settings
from bridge_sandbox.settings import Endpoints, Plan, Secrets


def bng_options(plan: Plan, endpoints: Endpoints, secrets: Secrets, folder: Path) -> list[str]:
    options = {
        "--state": str(folder / "bng.sqlite"),
        "--host": plan.far.listen,
        "--port": str(endpoints.bng.api),
        "--admin-port": str(endpoints.bng.admin),
        "--client-id": settings.CLIENT_ID,
        "--client-secret": secrets.read("bng-client"),
        "--api-key": secrets.read("bng-key"),
        "--profile": plan.profile,
    }
    if plan.bng.has_webhooks:
        options |= {
            "--webhook-url": settings.bng_webhook_url(plan, endpoints),
            "--webhook-secret": secrets.read("webhook"),
        }
    return flat(options)


def shop_options(plan: Plan, endpoints: Endpoints, secrets: Secrets, site: str) -> list[str]:
    """A hosted shop tells its agent by webhooks."""
    options = {
        "--db-socket": str(endpoints.database_socket),
        "--db-user": settings.shop_account(site),
        "--db-password-file": str(secrets.file(f"database-shop-{site}")),
        "--db-name": settings.database_name(site),
        "--port": str(endpoints.shops[site].api),
        "--admin-port": str(endpoints.shops[site].admin),
        "--token": secrets.read(f"token-{site}"),
        "--oauth-file": str(settings.oauth_file(secrets, site)),
    }
    if site in plan.hosted:
        options["--webhook-url"] = endpoints.shop_webhook_url(site)
        options["--webhook-secret"] = secrets.read(f"shop-webhook-{site}")
    sources = ["--no-sources"] if site in plan.without_sources else []
    return [*flat(options), *sources, "--init"]


def flat(options: dict[str, str]) -> list[str]:
    """["--port", "80", ...]"""
    return [word for pair in options.items() for word in pair]
