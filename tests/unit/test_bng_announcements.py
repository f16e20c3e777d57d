"""Webhooks in each form: only what BNG signed is believed, and only what it signed is read."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from bng_bridge.bng import profile_file
from bng_bridge.bng.announcements import Announcements, Malformed, Refused
from bridge_common.errors import ConfigError

SECRET = "the secret"
EXACT = """
webhooks:
  verify: signature
  signature: { field: /HashCode, over: /Content, encoding: HEX }
  kind: /Content/Topic
  data: /Content
  content: key
  kinds: { inventory_updated: StockPositions }
"""


def announcements(text: str) -> Announcements:
    return Announcements(profile_file.parse(text, "test.yaml"), SECRET)


def shipped(name: str) -> Announcements:
    return Announcements(profile_file.load(name), SECRET)


def digest(text: str, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()


def exact(content: str, *, signed: str | None = None, secret: str = SECRET) -> bytes:
    signature = digest(content if signed is None else signed, secret).hex().upper()
    return f'{{"Content":{content},"HashCode":"{signature}"}}'.encode()


@pytest.mark.parametrize(
    "content", ['{"Topic":"StockPositions","Key":"1"}', '{ "Key" : "1",\n"Topic":"StockPositions" }']
)
def test_a_signature_inside_is_over_the_text_as_it_was_sent(content: str) -> None:
    (found,) = announcements(EXACT).read({}, exact(content))
    assert (found.kind, found.resource, found.is_enough) == ("inventory_updated", "inventory-items", False)


@pytest.mark.parametrize(
    "raw",
    [
        exact('{"Topic":"StockPositions"}', secret="another"),
        exact('{"Topic":"StockPositions"}', signed='{"Topic":"Accounts"}'),
        b'{"Content":{"Topic":"StockPositions"}}',
        b'{"Content":{"Topic":"StockPositions"},"HashCode":""}',
    ],
)
def test_what_is_signed_by_another_or_not_at_all_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        announcements(EXACT).read({}, raw)


def test_a_second_part_beside_the_signed_one_is_not_read() -> None:
    signed = exact('{"Topic":"Accounts"}').decode()
    both = signed[:-1] + ',"Content":{"Topic":"StockPositions"}}'
    assert announcements(EXACT).read({}, both.encode()) == []


def test_a_part_of_the_same_name_deeper_inside_is_not_the_signed_one() -> None:
    raw = '{"More":{"Content":{"Topic":"Accounts"}},' + exact('{"Topic":"StockPositions"}').decode()[1:]
    assert len(announcements(EXACT).read({}, raw.encode())) == 1


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"\xff", b'{"HashCode":"x"}', b"null"])
def test_what_cannot_be_read_is_malformed(raw: bytes) -> None:
    with pytest.raises((Malformed, Refused)):
        announcements(EXACT).read({}, raw)


def frappe(body: dict[str, Any], secret: str = SECRET) -> tuple[dict[str, str], bytes]:
    raw = json.dumps(body)
    return {"X-Frappe-Webhook-Signature": base64.b64encode(digest(raw, secret)).decode()}, raw.encode()


def test_a_signed_body_tells_the_record_in_bng_s_names() -> None:
    body = {
        "doctype": "Delivery Note",
        "name": "SH-1",
        "against_sales_order": "SO-1",
        "modified": "2026-01-31 10:00:00.5",
    }
    (found,) = shipped("frappe-like").read(*frappe(body))
    assert (found.kind, found.is_enough) == ("shipment_created", True)
    assert (found.data["ShipmentID"], found.data["SalesOrderID"]) == ("SH-1", "SO-1")
    assert found.data["Version"] == "2026-01-31 10:00:00.5"


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    headers, raw = frappe({"doctype": "Delivery Note", "name": "SH-1"})
    with pytest.raises(Refused):
        shipped("frappe-like").read(headers, raw.replace(b"SH-1", b"SH-2"))


def central(*resources: str, key: str = SECRET) -> bytes:
    return json.dumps({"value": [{"resource": each, "clientState": key} for each in resources]}).encode()


def test_a_notification_of_several_changes_announces_each() -> None:
    base = "api/v2.0/companies(CRONUS)"
    raw = central(f"{base}/salesOrders(1)", f"{base}/salesShipments(2)", f"{base}/vendors(3)")
    found = shipped("bc-like").read({}, raw)
    assert [each.resource for each in found] == ["sales-orders", "shipments"]


@pytest.mark.parametrize("raw", [central("x", key="another"), b'{"value": [{"resource": "x"}]}'])
def test_a_notification_without_the_word_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        shipped("bc-like").read({}, raw)


def test_one_event_without_the_word_makes_the_whole_notification_refused() -> None:
    both = json.loads(central("x"))
    both["value"].append({"resource": "y", "clientState": "another"})
    with pytest.raises(Refused):
        shipped("bc-like").read({}, json.dumps(both).encode())


@pytest.mark.parametrize("raw", [b'{"value": []}', b'{"value": "x"}', b"[]", b'{"value": ["x"]}'])
def test_a_notification_of_another_form_is_malformed(raw: bytes) -> None:
    with pytest.raises((Malformed, Refused)):
        shipped("bc-like").read({}, raw)


def test_a_handshake_is_answered_where_the_profile_has_one() -> None:
    assert shipped("bc-like").handshake({"validationToken": "abc"}) == "abc"
    assert shipped("bc-like").handshake({}) is None
    assert shipped("frappe-like").handshake({"validationToken": "abc"}) is None


def test_webhooks_of_an_erp_that_has_none_are_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match="has no webhooks") as wrong:
        shipped("netsuite-like")
    assert "port = 0" in wrong.value.hint
