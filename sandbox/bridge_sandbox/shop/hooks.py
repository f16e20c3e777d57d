"""The shop's webhooks, as a typical module sends them: after the event, signed, once, and never again.

Lossy by design: what is refused, unanswered, announced while paused or waiting at a stop is lost. A receiver that
relies on them misses orders.
"""

import asyncio
import contextlib
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from standardwebhooks import Webhook

TIMEOUT_S = 5.0
MOST_WAITING = 1000
FORGER_SECRET = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA=="


@dataclass(frozen=True)
class HookSettings:
    """Where webhooks go, and the Standard Webhooks secret that signs them."""

    url: str
    secret: str


@dataclass(frozen=True)
class Message:
    """One webhook, ready but for its signature."""

    message_id: str
    body: str
    secret: str


class Hooks:
    """Announces events in the background; without settings it announces nothing."""

    def __init__(self, settings: HookSettings | None) -> None:
        self._settings = settings
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(MOST_WAITING)
        self._counts = Counter(sent=0, lost=0)
        self.paused = False
        self.doubled = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send inside the block."""
        if self._settings is None:
            yield
            return
        task = asyncio.create_task(self._send_on_and_on(self._settings.url), name="shop webhooks")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def announce(self, event: str, data: dict[str, Any]) -> None:
        """Say that something happened; returns at once."""
        if self._settings is None:
            return
        if self.paused:
            self._counts["lost"] += 1
            return
        message = new_message(event, data, self._settings.secret)
        for _ in range(2 if self.doubled else 1):
            self._put(message)

    def forge(self, event: str, data: dict[str, Any]) -> None:
        """Send one that somebody else has signed, paused or not."""
        self._put(new_message(event, data, FORGER_SECRET))

    def describe(self) -> dict[str, Any]:
        """Switches and counts; what was sent had a 2xx answer."""
        return {"paused": self.paused, "doubled": self.doubled, **self._counts, "waiting": self._waiting.qsize()}

    def _put(self, message: Message) -> None:
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._counts["lost"] += 1

    async def _send_on_and_on(self, url: str) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            while True:
                is_taken = await post(session, url, await self._waiting.get())
                self._counts["sent" if is_taken else "lost"] += 1


def new_message(event: str, data: dict[str, Any], secret: str) -> Message:
    """A webhook with an id of its own."""
    body = json.dumps({"event": event, "data": data}, separators=(",", ":"))
    return Message(f"msg_{secrets.token_hex(16)}", body, secret)


async def post(session: aiohttp.ClientSession, url: str, message: Message) -> bool:
    """Whether the one attempt was answered with 2xx."""
    at = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(message.secret).sign(message.message_id, at, message.body),
    }
    try:
        async with session.post(url, data=message.body.encode(), headers=headers, allow_redirects=False) as answer:
            return answer.status // 100 == 2
    except (aiohttp.ClientError, TimeoutError):
        return False
