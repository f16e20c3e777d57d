"""What agent and bridge really say to each other is what docs/asyncapi.yaml says, and nothing else.

One stage for all: an order, a shipment, a stock change, a lost answer, a change that no trigger sees, an agent that stops,
comes back and dies.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support import watcher
from tests.support.asyncapi import Packet, Protocol

from bridge_common import decimal_json, topics
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan, database_name
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import register
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_shipment, wait_for_shop_stock, wait_until_settled

PLAN = Plan(quiet_period_s=0.5, timeout_s=2.0)
AMENDED = "PUT /rest/{store}/V1/customers/{id}"
BY_THE_SHOP = ("rest", "amend")
ANSWERS = {"state": "requestState", "ping": "pong", "outbox": "outboxState", "reemit": "reemitted"}
"""By operation, what the agent answers itself."""
NOT_SEEN = {("responses", "refused"), ("welcome", "takenOver")}
"""Messages that this run does not bring about."""


@dataclass(frozen=True)
class Said:
    """One packet with what the document makes of it."""

    packet: Packet
    channel: str
    body: Any

    @property
    def fields(self) -> dict[str, Any]:
        assert isinstance(self.body, dict)
        return self.body


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return Protocol()


@pytest.fixture(scope="module")
def packets() -> Iterator[list[Packet]]:
    """All that was published during a short run, in the order of the broker."""
    stage = Stage(PLAN, say=print)
    watcher.admit(stage.broker)
    with stage, watcher.watching(stage.broker) as seen:
        carry_everything(stage)
        stage.stop("agent")
        stage.start("agent")
        stage.wait_until_welcomed()
        stage.kill("agent")
        seen.wait_for(
            "last will", lambda packet: b'"state":"offline"' in packet.payload and b'"at"' not in packet.payload
        )
        yield list(seen.packets)


@pytest.fixture(scope="module")
def said(packets: list[Packet], protocol: Protocol) -> list[Said]:
    """Those on topics of the document."""
    channels = [(packet, protocol.channel_of(packet.topic)) for packet in packets]
    return [Said(packet, name, decimal_json.loads(packet.payload)) for packet, name in channels if name is not None]


def carry_everything(stage: Stage) -> None:
    order = stage.shop.checkout("configurable", second_update_delay_s=0.2)
    stage.bng.set_stock("POT 12CM", WAREHOUSE, 60_001)
    sales_order = wait_for_sales_order(stage, order)
    cut = stage.shop.fault("cut_after", method="POST", path="/ship$")
    shipment = stage.bng.ship(sales_order["ExternalID"], ["ONE"])
    wait_for_shop_shipment(stage, shipment)
    wait_for_shop_stock(stage, "POT 12CM", 60_001)
    wait_until("the answer to be cut", lambda: stage.shop.fault_hits(cut), timeout_s=10)
    wait_until_settled(stage)
    stage.bridgectl("trace", "no such order")
    change_behind_the_triggers(stage, order["order_id"])
    stage.bridgectl("manifest")
    wait_until_settled(stage)
    edit_a_customer_at_bng(stage)
    wait_until_settled(stage)


def edit_a_customer_at_bng(stage: Stage) -> None:
    """It is written into the shop by the request that reads it first."""
    stage.bridgectl("flow", "on", "bng-customer-to-customer", "--site", stage.site)
    external_id = f"{stage.site}-{register(stage.api(), 650)}"

    def at_bng() -> list[str]:
        return [each["CustomerID"] for each in stage.bng.book()["customers"] if each["ExternalID"] == external_id]

    wait_until("BNG to have the customer", at_bng, timeout_s=20)
    wait_until_settled(stage)
    seen = stage.shop.calls().get(AMENDED, 0)
    stage.bng.edit("customers", at_bng()[0], LastName="Tal")
    wait_until("the shop to be told", lambda: stage.shop.calls().get(AMENDED, 0) > seen, timeout_s=20)


def change_behind_the_triggers(stage: Stage, order_id: int) -> None:
    """Magento's own indexing has this table, so none of ours stands on it."""
    with stage.mariadb.connect_root(database_name(stage.site)) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE sales_order SET status = 'fraud' WHERE entity_id = %s", (order_id,))


def test_no_topic_is_used_that_the_document_does_not_have(packets: list[Packet], protocol: Protocol) -> None:
    assert {packet.topic for packet in packets if protocol.channel_of(packet.topic) is None} == set()


def test_every_topic_and_message_of_the_document_is_used(said: list[Said], protocol: Protocol) -> None:
    used = {(each.channel, protocol.message_of(each.channel, each.body)[0]) for each in said}
    promised = {(channel, name) for channel in protocol.document["channels"] for name in protocol.messages(channel)}
    assert promised - used == NOT_SEEN


def test_every_payload_is_one_of_its_topics_messages(said: list[Said], protocol: Protocol) -> None:
    for each in said:
        protocol.message_of(each.channel, each.body)


def test_every_packet_has_the_properties_of_its_message(said: list[Said], protocol: Protocol) -> None:
    for each in said:
        name, message = protocol.message_of(each.channel, each.body)
        assert protocol.faults(each.channel, message, each.packet) == [], f"{each.channel} {name}"


def test_what_the_agent_answers_itself_is_as_documented(said: list[Said], protocol: Protocol) -> None:
    asked = {each.fields["id"]: each.fields["operation"] for each in on(said, topics.REQUESTS)}
    answered = Counter[str]()
    for response in answers_to_what_was_seen(said):
        operation = asked[response.fields["id"]]
        answered[operation] += 1
        if operation not in BY_THE_SHOP:
            assert protocol.errors(ANSWERS[operation], response.fields["body"]) == []
    assert answered.keys() == {*ANSWERS, *BY_THE_SHOP}


def test_every_request_of_a_live_agent_is_answered_once(said: list[Said]) -> None:
    asked = [each.fields["id"] for each in on(said, topics.REQUESTS)]
    answered = Counter(each.fields["id"] for each in answers_to_what_was_seen(said))
    assert len(set(asked)) == len(asked)
    assert answered == dict.fromkeys(asked, 1)


def test_every_batch_is_receipted_under_its_epoch_with_the_number_of_its_events(said: list[Said]) -> None:
    batches = {each.packet.user_properties["batch"]: each.body for each in on(said, topics.EVENTS)}
    receipts = {each.fields["batch"]: each.fields for each in on(said, topics.RECEIPTS)}
    assert batches.keys() == receipts.keys()
    for batch, events in batches.items():
        receipt = receipts[batch]
        assert receipt["stored"] == len(events)
        assert {event["epoch"] for event in events} == {receipt["epoch"]}


def test_a_welcome_names_its_hello_and_the_epoch_rises(said: list[Said]) -> None:
    hellos = [each.fields["hello"] for each in on(said, topics.HELLO)]
    welcomes = [each.fields for each in on(said, topics.WELCOME)]
    assert {each["hello"] for each in welcomes} <= set(hellos)
    epochs = [each["epoch"] for each in welcomes]
    assert epochs == sorted(set(epochs))


def test_no_version_is_given_twice(said: list[Said]) -> None:
    batches = {each.packet.user_properties["batch"]: each.body for each in on(said, topics.EVENTS)}
    versions = [(event["epoch"], event["n"]) for events in batches.values() for event in events]
    assert len(set(versions)) == len(versions) > 2


def test_a_site_speaks_under_up_and_the_bridge_under_down(packets: list[Packet], protocol: Protocol) -> None:
    sent_by_agent = {
        each["channel"]["$ref"].rpartition("/")[2] for each in protocol.operations() if each["action"] == "send"
    }
    for packet in packets:
        _, channel = topics.split(packet.topic)
        assert channel.startswith("up/") == (protocol.channel_of(packet.topic) in sent_by_agent)


def answers_to_what_was_seen(said: list[Said]) -> list[Said]:
    """The watcher may have come between a request and its answer: one before the first request that it saw is left out."""
    asked = {each.fields["id"] for each in on(said, topics.REQUESTS)}
    talk = [each for each in said if topics.split(each.packet.topic)[1] in (topics.REQUESTS, topics.RESPONSES)]
    first = next(number for number, each in enumerate(talk) if each.channel == "requests")
    earlier = {each.fields["id"] for each in talk[:first]} - asked
    return [each for each in on(said, topics.RESPONSES) if each.fields["id"] not in earlier]


def on(said: list[Said], channel: str) -> list[Said]:
    """What was said on one of the channels of topics.py."""
    return [each for each in said if topics.split(each.packet.topic)[1] == channel]
