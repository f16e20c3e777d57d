"""docs/asyncapi.yaml in itself, and against what the programs make of rare cases that no short run brings about."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from tests.support.asyncapi import PATH, Protocol
from tests.support.json_schema import absolute, references, resolve

from bridge_common import decimal_json, topics
from bridge_common.amend import digest_of
from bridge_common.errors import InvalidEvent
from bridge_common.event import CONTENT_TYPE, Event, Kind, Version, encode_batch
from bridge_common.http import Answer
from bridge_common.mqtt import BrokerAddress
from magento_agent import heartbeat, requests
from magento_agent.hydrate import SOURCES
from magento_agent.requests import Operation, Reason, Request
from magento_agent.rows import Added, Wanted
from magento_agent.session import HELLO_INTERVAL_S

PROTOCOL = Protocol()
DOCUMENT = PROTOCOL.document
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
UUID = "0b0e7a51-43f5-4f61-9b1c-6d3f6f2f6c11"
REQUEST = Request(UUID, "rest", 1_740_000_000, NOW, "GET", "/V1/orders")
SITE = "shop1"

ROOT_KEYS = {"asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"}
CHANNEL_KEYS = {"address", "parameters", "messages"}
OPERATION_KEYS = {"action", "channel", "summary", "bindings", "reply"}
MESSAGE_KEYS = {"payload", "headers", "contentType", "summary"}
OPEN = {"snapshot.data", "restRequest.query"}
"""Objects whose fields are somebody else's."""


def test_the_document_has_the_form_of_asyncapi_3() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT.keys() == ROOT_KEYS
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert {key for channel in DOCUMENT["channels"].values() for key in channel} == CHANNEL_KEYS
    assert all(operation.keys() <= OPERATION_KEYS for operation in PROTOCOL.operations())
    assert {operation["action"] for operation in PROTOCOL.operations()} == {"send", "receive"}
    assert all(
        "payload" in each and each.keys() <= MESSAGE_KEYS for each in DOCUMENT["components"]["messages"].values()
    )


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        assert resolve(DOCUMENT, reference)


def test_nothing_in_the_components_is_unused() -> None:
    used = set(references(DOCUMENT))
    defined = {f"#/components/{kind}/{name}" for kind, named in DOCUMENT["components"].items() for name in named}
    assert defined == {reference for reference in used if reference.startswith("#/components/")}


def test_protocol_md_explains_every_channel_and_field() -> None:
    code = re.findall(r"`([^`\n]+)`", PATH.with_name("protocol.md").read_text())
    words = {word for piece in code for word in re.findall(r"[\w/.-]+", piece)}
    channels = {channel["address"].partition("{site}/")[2] for channel in DOCUMENT["channels"].values()}
    described = [each for schema in PROTOCOL.schemas.values() for _, each in objects(schema, "")]
    fields = {name for each in described for name in each.get("properties", {})}
    assert channels | fields <= words


def test_each_channel_has_one_operation() -> None:
    named = [operation["channel"]["$ref"] for operation in PROTOCOL.operations()]
    assert sorted(named) == sorted(f"#/channels/{name}" for name in DOCUMENT["channels"])


def test_every_schema_is_one_and_admits_no_unknown_field() -> None:
    for name, schema in PROTOCOL.schemas.items():
        Draft202012Validator.check_schema(absolute(schema))
        still_open = {path for path, each in objects(schema, name) if each.get("additionalProperties") is not False}
        assert still_open <= OPEN


def test_the_channels_are_the_topics_of_the_programs() -> None:
    known = {value for name, value in vars(topics).items() if name.isupper() and name != "ROOT"}
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {topics.topic("{site}", channel) for channel in known}


def test_sessions_and_times_are_those_of_the_programs() -> None:
    binding = DOCUMENT["servers"]["broker"]["bindings"]["mqtt"]
    address = BrokerAddress("broker", 8883, "shop1")
    assert (binding["sessionExpiryInterval"], binding["keepAlive"]) == (address.session_expiry_s, address.keepalive_s)
    assert DOCUMENT["operations"]["sayHello"]["bindings"]["mqtt"]["messageExpiryInterval"] == HELLO_INTERVAL_S
    assert DOCUMENT["components"]["messages"]["batch"]["contentType"] == CONTENT_TYPE
    will = binding["lastWill"]
    assert heartbeat.will("{site}").topic == will["topic"]
    assert heartbeat.will("{site}").payload.decode() == will["message"]


@pytest.mark.parametrize("entity", SOURCES)
@pytest.mark.parametrize(
    ("kind", "data"), [("snapshot", {"entity_id": 74}), ("tombstone", {}), ("unreadable", {"reason": "absent: no"})]
)
def test_an_event_of_each_kind_is_in_the_document(entity: str, kind: Kind, data: dict[str, Any]) -> None:
    key = f"{entity}/74"
    event = Event(SITE, entity, "74", kind, Version(1_740_000_000, 1), key, NOW, NOW, decimal_json.dumps(data))
    assert PROTOCOL.message_of("events", decimal_json.loads(encode_batch([event], NOW)))[0] == "batch"
    other = replace(event, data_text='{"unknown":1}' if kind != "snapshot" else "{}")
    assert PROTOCOL.errors("batch", decimal_json.loads(encode_batch([other], NOW))) != []


@pytest.mark.parametrize("reason", get_args(Reason))
def test_a_refusal_for_each_reason_is_in_the_document(reason: Reason) -> None:
    assert said("responses", requests.refused(REQUEST, reason)) == "refused"


@pytest.mark.parametrize("kind", ["unsent", "unknown"])
def test_a_failure_of_each_kind_is_in_the_document(kind: Any) -> None:
    assert said("responses", requests.failed(UUID, kind, "no answer")) == "failed"


def test_an_answer_with_retry_after_and_one_too_large_are_in_the_document() -> None:
    answer = requests.done(REQUEST, Answer(503, {"message": "maintenance"}, 7.5))
    assert said("responses", answer) == "done"
    assert said("responses", requests.fitted(REQUEST, answer, 10)) == "done"


@pytest.mark.parametrize("answer", [None, requests.refused(REQUEST, "expired"), requests.failed(UUID, "unknown", "x")])
def test_a_requests_state_with_each_answer_is_in_the_document(answer: Any) -> None:
    assert PROTOCOL.errors("requestState", {"request_id": UUID, "state": "failed", "answer": answer}) == []


def test_each_operation_has_a_request_in_the_document() -> None:
    constants = {message["payload"]["$ref"].rpartition("/")[2] for message in PROTOCOL.messages("requests").values()}
    named = {PROTOCOL.schemas[name]["properties"]["operation"]["const"] for name in constants}
    assert named == set(get_args(Operation))


def test_the_agent_reads_a_request_that_is_in_the_document() -> None:
    fields = {"id": UUID, "epoch": 5, "expires_at": "2025-03-01T12:00:00.000000Z", "operation": "rest"}
    body = fields | {"method": "POST", "path": "/V1/order/74/ship", "query": {"a": "b"}, "body": {"items": []}}
    assert said("requests", body) == "rest"
    request = requests.decode(decimal_json.dumps(body).encode())
    assert (request.id, request.epoch, request.expires_at, request.is_write) == (UUID, 5, NOW, True)
    assert (request.path, request.query, request.body) == ("/V1/order/74/ship", [("a", "b")], {"items": []})


def test_a_record_that_is_to_be_amended_is_in_the_document() -> None:
    fields = {"id": UUID, "epoch": 5, "expires_at": "2025-03-01T12:00:00.000000Z", "operation": "amend"}
    body = fields | {"path": "/V1/customers/5", "body": {"customer": {"id": 5}}, "expected": digest_of({"id": 5})}
    assert said("requests", body) == "amend"
    request = requests.decode(decimal_json.dumps(body).encode())
    assert (request.method, request.is_write, request.expected) == ("PUT", True, body["expected"])


def test_what_is_asked_for_once_more_and_its_answer_are_in_the_document() -> None:
    pairs = [{"entity": "order", "entity_id": "74"}, {"entity": "customer", "entity_id": "9", "op": "D"}]
    body = {"id": UUID, "epoch": 5, "expires_at": "2025-03-01T12:00:00.000000Z", "operation": "reemit"}
    assert said("requests", body | {"entities": pairs}) == "reemit"
    request = requests.decode(decimal_json.dumps(body | {"entities": pairs}).encode())
    order, customer = request.entities
    assert (order, customer) == (Wanted("order", 74), Wanted("customer", 9, "D"))
    answer = requests.reemitted(request, Added({customer}, NOW.replace(tzinfo=None)))
    assert answer["body"] == {"inserted": pairs[1:], "waiting": pairs[:1], "at": "2025-03-01T12:00:00.000000Z"}
    assert said("responses", answer) == "done"
    assert PROTOCOL.errors("reemitted", answer["body"]) == []


@pytest.mark.parametrize(
    "entities", [[{"entity": "admin_user", "entity_id": "1"}], [{"entity": "order", "entity_id": "1", "op": "X"}],
                 [{"entity": "order", "entity_id": "x"}], [{"entity": "order", "entity_id": "1"}] * 501, None]
)  # fmt: skip
def test_what_cannot_be_sent_again_is_no_request(entities: Any) -> None:
    body = {"id": UUID, "epoch": 5, "expires_at": "2025-03-01T12:00:00Z", "operation": "reemit", "entities": entities}
    with pytest.raises(InvalidEvent):
        requests.decode(decimal_json.dumps(body).encode())


def said(channel: str, body: dict[str, Any]) -> str:
    """The message that this is, once on the wire and back."""
    return PROTOCOL.message_of(channel, decimal_json.loads(decimal_json.dumps(body)))[0]


def objects(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object inside, by the fields that lead to it."""
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from objects(field, f"{path}.{name}")
    for keyword in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(keyword, ()):
            yield from objects(each, path)
    yield from objects(schema.get("items"), path)
