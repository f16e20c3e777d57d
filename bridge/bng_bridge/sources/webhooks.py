"""BNG's webhooks: verified, stored as hints, answered. The record itself is fetched by the worker, in its lane.

One that names only a key cannot be put into a lane: it makes the poller look, which finds the record by its own time.
"""

import hashlib
import logging
from collections.abc import Callable

from aiohttp import web

from bng_bridge import inbox
from bng_bridge.bng.announcements import Announcement, Announcements, Malformed, Refused
from bng_bridge.sources.hints import hint_of
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import to_text, utc_now
from bridge_common.log import log

PATH = "/webhooks/bng"
Look = Callable[[str], None]
"""Make the poller look at a resource now."""


def application(store: Store, worker: Worker, announcements: Announcements, look: Look) -> web.Application:
    """204 stored or already known, 401 not signed by BNG or too old, 400 not a JSON object. Never 2xx before the commit."""

    async def receive(request: web.Request) -> web.Response:
        token = announcements.handshake(request.query)
        if token is not None:
            return web.Response(text=token)
        raw = await request.read()
        try:
            announced = announcements.read(request.headers, raw)
        except Refused as error:
            log("webhook_refused", level=logging.WARNING, error=str(error))
            return web.Response(status=401)
        except Malformed:
            return web.Response(status=400)
        webhook_id = request.headers.get("webhook-id") or hashlib.sha256(raw).hexdigest()[:16]
        for each in announced:
            await _follow(store, worker, each, webhook_id, look)
        return web.Response(status=204)

    app = web.Application(client_max_size=1 << 20)
    app.router.add_post(PATH, receive)
    return app


async def _follow(store: Store, worker: Worker, announced: Announcement, webhook_id: str, look: Look) -> None:
    if not announced.is_enough:
        look(announced.resource)
        return
    hint = hint_of(announced.kind, announced.data, webhook_id, store.read)
    if hint is None:
        return
    now = to_text(utc_now())
    if await store.write(lambda db: inbox.put_hint(db, hint, now)):
        log("hint_stored", event=hint.event_key, entity=f"{hint.entity}/{hint.entity_id}")
        worker.wake()
