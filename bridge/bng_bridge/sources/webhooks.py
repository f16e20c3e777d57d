"""BNG's webhooks: verified, stored as hints, answered. The record itself is fetched by the worker, in its lane."""

import logging
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from bng_bridge import inbox
from bng_bridge.sources.hints import hint_of
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import ConfigError
from bridge_common.log import log

PATH = "/webhooks/bng"


def application(store: Store, worker: Worker, secret: str) -> web.Application:
    """204 stored or already known, 401 not signed by BNG or too old, 400 not a JSON object. Never 2xx before the commit."""
    signature = verifier(secret)

    async def receive(request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            body: Any = signature.verify(raw, dict(request.headers))
        except WebhookVerificationError as error:
            log("webhook_refused", level=logging.WARNING, error=str(error))
            return web.Response(status=401)
        except ValueError:
            return web.Response(status=400)
        if not isinstance(body, dict) or not isinstance(body.get("data") or {}, dict):
            return web.Response(status=400)
        await _store(store, worker, request.headers["webhook-id"], body)
        return web.Response(status=204)

    app = web.Application(client_max_size=1 << 20)
    app.router.add_post(PATH, receive)
    return app


def verifier(secret: str, key: str = "bng.webhooks.secret_file") -> Webhook:
    """Verifies and signs. Raises ConfigError for a secret that Standard Webhooks does not have."""
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ConfigError(
            f"{key}: not a secret of Standard Webhooks: {error}.",
            hint="It is whsec_ followed by base64, as the other side shows it.",
        ) from error


async def _store(store: Store, worker: Worker, webhook_id: str, body: dict[str, Any]) -> None:
    hint = hint_of(str(body.get("type")), dict(body.get("data") or {}), webhook_id, store.read)
    if hint is None:
        return
    now = to_text(utc_now())
    if await store.write(lambda db: inbox.put_hint(db, hint, now)):
        log("hint_stored", event=hint.event_key, entity=f"{hint.entity}/{hint.entity_id}")
        worker.wake()
