"""A polled shop's webhooks: only what the shop has signed becomes a row, and the answer comes after the commit."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from bridge_common.errors import ConfigError, TargetUnavailable
from bridge_common.webhook_config import WebhookSection
from magento_agent import webhooks
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLACED = {"event": "sales_order_place_after", "data": {"order_id": 74, "increment_id": "000000074"}}

Send = Callable[..., Awaitable[int]]


@pytest.fixture
def capture(tmp_path: Path) -> CaptureFile:
    return CaptureFile(tmp_path / "capture.sqlite", "https://shop.example.com")


@pytest.fixture
async def send(capture: CaptureFile) -> AsyncIterator[Send]:
    """Sends a body as the shop would; `headers` replace the signed ones. Gives the answer's status."""
    runner = web.AppRunner(webhooks.application(capture, Webhook(SECRET)), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}{webhooks.PATH}"

    async def post(body: Any, *, secret: str = SECRET, age: timedelta = timedelta(0), **headers: str) -> int:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        raw = text if isinstance(text, bytes) else text.encode()
        async with aiohttp.ClientSession() as session:
            signed = sign(raw, secret, datetime.now(UTC) - age) | headers
            async with session.post(url, data=raw, headers=signed) as answer:
                return answer.status

    yield post
    await runner.cleanup()
    capture.close()


def sign(raw: bytes, secret: str, at: datetime) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", at, raw.decode("utf-8", "replace"))
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


async def entities(capture: CaptureFile) -> list[tuple[str, int]]:
    return [(row.entity, row.entity_id) for row in await capture.read_after(0, 100)]


async def test_an_order_that_was_placed_is_a_row(capture: CaptureFile, send: Send) -> None:
    assert await send(PLACED) == 204
    assert await entities(capture) == [("order", 74)]


async def test_a_customer_that_was_saved_is_a_row(capture: CaptureFile, send: Send) -> None:
    assert await send({"event": "customer_save_after", "data": {"customer_id": "5"}}) == 204
    assert await entities(capture) == [("customer", 5)]


async def test_one_that_comes_twice_is_stored_twice_and_harms_nothing(capture: CaptureFile, send: Send) -> None:
    assert [await send(PLACED), await send(PLACED)] == [204, 204]
    assert await entities(capture) == [("order", 74), ("order", 74)]


async def test_an_event_that_nothing_follows_is_accepted_and_dropped(capture: CaptureFile, send: Send) -> None:
    assert await send({"event": "catalog_product_save_after", "data": {"product_id": 1}}) == 204
    assert await entities(capture) == []


async def test_a_forged_one_is_refused(capture: CaptureFile, send: Send) -> None:
    assert await send(PLACED, secret="whsec_" + "A" * 32) == 401
    assert await entities(capture) == []


async def test_one_whose_body_was_changed_is_refused(capture: CaptureFile, send: Send) -> None:
    other = sign(json.dumps(PLACED).replace("74", "75").encode(), SECRET, datetime.now(UTC))
    assert await send(PLACED, **other) == 401
    assert await entities(capture) == []


@pytest.mark.parametrize("age", [timedelta(minutes=6), -timedelta(minutes=6)], ids=["old", "from the future"])
async def test_a_stale_one_is_refused(capture: CaptureFile, send: Send, age: timedelta) -> None:
    assert await send(PLACED, age=age) == 401
    assert await entities(capture) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,not base64!"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": "v2,MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": ""},
        {"webhook-id": ""},
    ],
    ids=str,
)
async def test_headers_that_prove_nothing_are_refused(
    capture: CaptureFile, send: Send, headers: dict[str, str]
) -> None:
    assert await send(PLACED, **headers) == 401
    assert await entities(capture) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        "{",
        {"event": "sales_order_place_after"},
        {"event": "sales_order_place_after", "data": None},
        {"event": "sales_order_place_after", "data": {"increment_id": "000000074"}},
        {"event": "sales_order_place_after", "data": {"order_id": "x"}},
        {"event": "sales_order_place_after", "data": {"order_id": 0}},
        {"event": "sales_order_place_after", "data": {"order_id": -1}},
        {"event": "sales_order_place_after", "data": {"order_id": 1 << 64}},
        {"event": ["sales_order_place_after"], "data": {"order_id": 74}},
    ],
    ids=str,
)
async def test_what_is_signed_and_of_another_form_is_refused(capture: CaptureFile, send: Send, body: Any) -> None:
    assert await send(body) == 400
    assert await entities(capture) == []


async def test_nothing_is_accepted_that_the_disk_does_not_take(
    capture: CaptureFile, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise TargetUnavailable("the agent's own file cannot be written: database or disk is full")

    monkeypatch.setattr(capture, "add", full)
    assert await send(PLACED) == 503


async def test_it_listens_only_where_a_port_is_configured(capture: CaptureFile) -> None:
    async with webhooks.serving(Polling(), capture):
        pass
    async with webhooks.serving(None, capture):
        pass


async def test_a_port_that_is_taken_is_a_mistake_in_the_configuration(capture: CaptureFile, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        hooks = WebhookSection(port=other.getsockname()[1], secret_file=secret_file(tmp_path, SECRET))
        with pytest.raises(ConfigError, match="cannot listen on") as refused:
            async with webhooks.serving(Polling(webhooks=hooks), capture):
                pass
    assert "free port under [polling.webhooks]" in refused.value.hint


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "ä"])
def test_a_secret_of_another_kind_is_a_mistake_in_the_configuration(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigError, match=r"polling\.webhooks\.secret_file: not a secret of Standard Webhooks"):
        webhooks.verifier(WebhookSection(port=8441, secret_file=secret_file(tmp_path, secret)))


def test_a_port_without_a_secret_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ValueError, match="would accept forged events"):
        WebhookSection(port=8441)


def secret_file(folder: Path, secret: str) -> Path:
    path = folder / "webhook-secret"
    path.write_text(secret + "\n")
    return path
