"""The sandbox shop's webhooks: signed, sent once, lost when something is in the way."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from bridge_sandbox.admin import Server, ShopAdmin
from bridge_sandbox.process import wait_until
from bridge_sandbox.shop.hooks import HookSettings
from bridge_sandbox.shop.server import ShopSettings

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdA=="
DEADLINE_S = 10


@dataclass
class Receiver:
    """What has arrived, and the status that the next ones are answered with."""

    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.got]

    def wait_for(self, count: int) -> None:
        wait_until("webhooks", lambda: len(self.got) >= count, timeout_s=DEADLINE_S)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.got.append((dict(self.headers.items()), body))
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        received.url = f"http://127.0.0.1:{server.server_port}/hooks"
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def shop_settings(shop_settings: ShopSettings, receiver: Receiver) -> ShopSettings:
    return replace(shop_settings, hooks=HookSettings(receiver.url, SECRET))


def wait_for_count(shop: ShopAdmin, name: str, count: int) -> None:
    wait_until(f"webhooks {name}", lambda: shop.get("/webhooks")[name] == count, timeout_s=DEADLINE_S)


def test_an_order_is_announced_with_its_ids_and_a_good_signature(shop: ShopAdmin, receiver: Receiver) -> None:
    placed = shop.checkout("simple")
    receiver.wait_for(1)
    headers, body = receiver.got[0]
    ids = {"order_id": placed["order_id"], "increment_id": placed["increment_id"]}
    assert Webhook(SECRET).verify(body, headers) == {"event": "sales_order_place_after", "data": ids}


def test_a_saved_customer_is_announced_however_it_was_saved(shop: ShopAdmin, api: Server, receiver: Receiver) -> None:
    customer = {"email": "zoe@example.com", "firstname": "Zoë", "lastname": "Adler"}
    created = api.post("/rest/V1/customers", customer=customer)
    api.call("PUT", f"/rest/V1/customers/{created['id']}", {"customer": created})
    shop.post("/customer", customer_id=created["id"], lastname="Falk")
    receiver.wait_for(3)
    announced = {"event": "customer_save_after", "data": {"customer_id": created["id"]}}
    assert receiver.bodies() == [announced] * 3


def test_what_is_refused_is_never_sent_again(shop: ShopAdmin, receiver: Receiver) -> None:
    receiver.status = 503
    shop.checkout("simple")
    wait_for_count(shop, "lost", 1)
    receiver.status = 204
    second = shop.checkout("simple")
    wait_for_count(shop, "sent", 1)
    assert [body["data"]["order_id"] for body in receiver.bodies()][1:] == [second["order_id"]]


def test_what_happens_while_paused_is_lost(shop: ShopAdmin, receiver: Receiver) -> None:
    shop.pause_webhooks()
    shop.checkout("simple")
    shop.resume_webhooks()
    second = shop.checkout("simple")
    receiver.wait_for(1)
    assert [body["data"]["order_id"] for body in receiver.bodies()] == [second["order_id"]]


def test_duplicates_have_the_same_id(shop: ShopAdmin, receiver: Receiver) -> None:
    shop.post("/webhooks/duplicate")
    shop.checkout("simple")
    receiver.wait_for(2)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    shop.post("/webhooks/single")
    shop.checkout("simple")
    wait_for_count(shop, "sent", 3)


def test_a_forged_one_has_a_signature_that_does_not_hold(shop: ShopAdmin, receiver: Receiver) -> None:
    shop.post("/webhooks/forge", data={"order_id": 7, "increment_id": "000000007"})
    receiver.wait_for(1)
    headers, body = receiver.got[0]
    assert json.loads(body)["data"]["order_id"] == 7
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


def test_an_edited_order_is_announced_as_the_new_order_that_it_is(shop: ShopAdmin, receiver: Receiver) -> None:
    placed = shop.checkout("simple")
    edited = shop.edit(placed["order_id"])
    receiver.wait_for(2)
    assert receiver.bodies()[1]["data"]["increment_id"] == edited["increment_id"]
