"""A polled shop's webhooks, as hints: verified (Standard Webhooks), stored as rows, answered. Polling is the net below.

One that comes twice is one row more, and the state is read once more; nothing is taken from its content but the id.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from bridge_common import decimal_json
from bridge_common.config import read_secret
from bridge_common.errors import ConfigError, TargetUnavailable
from bridge_common.log import log
from bridge_common.webhook_config import WebhookSection
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling
from magento_agent.rows import Rows

PATH = "/webhooks/magento"
SUBJECTS = {"sales_order_place_after": ("order", "order_id"), "customer_save_after": ("customer", "customer_id")}
"""Event → entity, and where its id is in the data."""
HIGHEST_ID = (1 << 32) - 1
"""Of Magento's unsigned integers."""


@asynccontextmanager
async def serving(polling: Polling | None, rows: Rows) -> AsyncIterator[None]:
    """Listens where a shop is polled and a port is configured. Raises ConfigError."""
    if polling is None or not polling.webhooks.port or not isinstance(rows, CaptureFile):
        yield
        return
    runner = web.AppRunner(application(rows, verifier(polling.webhooks)), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await _listen(runner, polling.webhooks)
        yield
    finally:
        await runner.cleanup()


def application(capture: CaptureFile, verifier: Webhook) -> web.Application:
    """204 stored, or of an event that nothing follows; 401 not signed by the shop or too old; 400 not of its form.

    Never 2xx before the commit: 503 when the disk does not take it.
    """

    async def receive(request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            verifier.verify(raw, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            log("webhook_refused", level=logging.WARNING, error=str(error))
            return web.Response(status=401)
        try:
            subject = _subject(raw)
            if subject is not None:
                capture.add(*subject)
                log("hint_stored", entity=f"{subject[0]}/{subject[1]}")
        except (ValueError, KeyError, TypeError):
            return web.Response(status=400)
        except TargetUnavailable as error:
            log("webhook_refused", level=logging.ERROR, error=error.message)
            return web.Response(status=503)
        return web.Response(status=204)

    app = web.Application(client_max_size=1 << 20)
    app.router.add_post(PATH, receive)
    return app


def verifier(section: WebhookSection) -> Webhook:
    """Raises ConfigError for a secret that is missing or not of Standard Webhooks."""
    assert section.secret_file is not None
    secret = read_secret(section.secret_file, key="polling.webhooks.secret_file")
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ConfigError(
            f"polling.webhooks.secret_file: not a secret of Standard Webhooks: {error}.",
            hint="It is whsec_ followed by base64, as the shop's webhook module has it.",
        ) from error


def _subject(raw: bytes) -> tuple[str, int] | None:
    """Entity and id; None for an event that nothing follows. Raises ValueError, KeyError or TypeError."""
    body = decimal_json.loads(raw)
    if body["event"] not in SUBJECTS:
        return None
    entity, id_field = SUBJECTS[body["event"]]
    entity_id = int(body["data"][id_field])
    if not 0 < entity_id <= HIGHEST_ID:
        raise ValueError(entity_id)
    return entity, entity_id


async def _listen(runner: web.AppRunner, section: WebhookSection) -> None:
    try:
        await web.TCPSite(runner, section.host, section.port).start()
    except OSError as error:
        raise ConfigError(
            f"polling.webhooks: cannot listen on {section.host}:{section.port}: {error.strerror}.",
            hint="Choose a free port under [polling.webhooks].",
        ) from error
