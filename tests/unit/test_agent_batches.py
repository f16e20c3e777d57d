"""Packing events into packets."""

from datetime import UTC, datetime

from bridge_common import decimal_json
from bridge_common.event import Event, Version, decode_batch
from magento_agent.batches import PACKET_OVERHEAD, encode_all, pack
from magento_agent.capture import too_large
from magento_agent.changes import Change

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT = 4096


def made(number: int, text: str) -> tuple[Change, Event]:
    naive = NOON.replace(tzinfo=None)
    change = Change("order", number, naive, [(number, naive)])
    data = decimal_json.dumps({"x": text})
    event = Event("shop1", "order", str(number), "snapshot", Version(5, number), f"order/{number}", NOON, NOON, data)
    return change, event


def test_every_batch_stays_below_the_limit_and_nothing_is_left_out() -> None:
    events = [made(number, "ä" * (number * 37 % 900)) for number in range(1, 200)]
    batches = list(pack(encode_all(events, LIMIT, NOON, too_large(LIMIT)), LIMIT))
    assert all(len(batch.payload) <= LIMIT - PACKET_OVERHEAD for batch in batches)
    decoded = [event for batch in batches for event, _ in decode_batch(batch.payload, "shop1")]
    assert decoded == [event for _, event in events]
    assert [key for batch in batches for key in batch.rows] == [change.rows[0] for change, _ in events]
    assert sum(batch.events for batch in batches) == len(events)


def test_an_event_that_fits_into_no_packet_is_replaced_by_its_stub() -> None:
    events = [made(1, "x"), made(2, "y" * LIMIT), made(3, "z")]
    batches = list(pack(encode_all(events, LIMIT, NOON, too_large(LIMIT)), LIMIT))
    decoded = [event for batch in batches for event, _ in decode_batch(batch.payload, "shop1")]
    assert [event.kind for event in decoded] == ["snapshot", "unreadable", "snapshot"]
    assert decoded[1].version == Version(5, 2)
    assert "too large: order 2" in decoded[1].data["reason"]


def test_the_wait_for_a_receipt_grows_up_to_a_minute() -> None:
    (batch,) = pack(encode_all([made(1, "x")], LIMIT, NOON, too_large(LIMIT)), LIMIT)
    waits = []
    for attempt in range(1, 8):
        batch.attempts = attempt
        waits.append(batch.receipt_timeout_s(10))
    assert waits == [10, 20, 40, 60, 60, 60, 60]
    assert batch.receipt_timeout_s(90) == 90
