"""The sandbox shop's own fault switches, and the write that comes after its client has gone."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.integration.conftest import TOKEN

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin
from bridge_sandbox.process import wait_until

ORDERS = "/rest/V1/orders?searchCriteria[pageSize]=1"
CLIENT_TIMEOUT_S = 0.3
DEADLINE_S = 10


def refusal(api: Server, method: str, path: str, body: Any = None) -> tuple[int, str]:
    with pytest.raises(CallFailed) as caught:
        api.call(method, path, body)
    return caught.value.status, caught.value.body


def test_maintenance_answers_every_call_with_a_page_until_it_is_cleared(shop: ShopAdmin, api: Server) -> None:
    shop.fault("maintenance")
    for _ in range(3):
        status, body = refusal(api, "GET", ORDERS)
        assert (status, body.startswith("<!doctype html>")) == (503, True)
    assert "Service Temporarily Unavailable" in refusal(api, "POST", "/rest/V1/orders", {})[1]
    shop.clear_faults()
    assert api.get(ORDERS)["total_count"] == 0


def test_a_deadlock_does_nothing_and_looks_like_the_route_s_own_error(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    order = f"/rest/V1/order/{placed['order_id']}"
    shop.fault("deadlock", method="POST", count=3)

    items = [{"sku": "MUG-WHITE", "source_code": "default", "quantity": 5, "status": 1}]
    source_items = refusal(api, "POST", "/rest/V1/inventory/source-items", {"sourceItems": items})
    assert source_items == (400, '{"message": "Could not save Source Item"}')
    assert refusal(api, "POST", f"{order}/ship", {})[0] == 400
    status, body = refusal(api, "POST", f"/rest/V1/orders/{placed['order_id']}/hold")
    assert (status, "Internal Error" in body) == (500, True)

    book = shop.book()
    assert book["shipments"] == []
    assert book["stock_writes"] == 0
    assert api.call("POST", f"/rest/V1/orders/{placed['order_id']}/hold") is True


def test_a_late_write_commits_after_its_client_has_given_up(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    fault = shop.fault("late", method="POST", path="/ship$")
    client = HTTPConnection(urlsplit(api.url).netloc, timeout=CLIENT_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    client.request("POST", f"/rest/V1/order/{placed['order_id']}/ship", json.dumps({}), headers)
    with pytest.raises(TimeoutError):
        client.getresponse()
    client.close()
    assert shop.book()["shipments"] == []

    shop.release(fault)

    wait_until("the shipment", lambda: shop.book()["shipments"], timeout_s=DEADLINE_S)
    assert len(shop.book()["shipments"]) == 1


def test_a_late_write_comes_by_itself_after_its_seconds_and_is_never_answered(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    shop.fault("late", method="POST", path="/hold$", seconds=0)
    client = HTTPConnection(urlsplit(api.url).netloc, timeout=CLIENT_TIMEOUT_S)
    client.request("POST", f"/rest/V1/orders/{placed['order_id']}/hold", headers={"Authorization": f"Bearer {TOKEN}"})
    with pytest.raises(TimeoutError):
        client.getresponse()
    client.close()
    assert shop.book()["orders"][0]["state"] == "holded"
