"""Events on the wire: what `encode` writes `decode` reads, and anything else is refused by name."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text
from bridge_common.errors import InvalidEvent
from bridge_common.event import Event, Version, decode_batch, encode_batch

COMMITTED = datetime(2026, 3, 2, 12, 0, 0, 1, tzinfo=UTC)
EVENT = Event(
    site="shop1", entity="order", entity_id="74", kind="snapshot", version=Version(1767000000, 12),
    ordering_key="order/74", committed_at=COMMITTED, captured_at=COMMITTED + timedelta(seconds=1),
    data_text='{"increment_id":"000000074","grand_total":24.6475}',
)  # fmt: skip
PUBLISHED = COMMITTED + timedelta(seconds=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "epoch", "n", "committedat",
    "publishedat", "orderingkey", "data",
)  # fmt: skip


def item(**changes: Any) -> dict[str, Any]:
    """The event as a JSON object, with fields changed; None takes one away."""
    fields: dict[str, Any] = {**decimal_json.loads(encode_batch([EVENT], PUBLISHED))[0], **changes}
    return {name: value for name, value in fields.items() if value is not None}


def decode(*items: Any) -> list[tuple[Event, datetime]]:
    return decode_batch(decimal_json.dumps(list(items)).encode(), "shop1")


def test_an_event_comes_back_as_it_was_sent() -> None:
    assert decode_batch(encode_batch([EVENT], PUBLISHED), "shop1") == [(EVENT, PUBLISHED)]


def test_it_is_a_cloudevent() -> None:
    fields = json.loads(encode_batch([EVENT], PUBLISHED))[0]
    assert set(fields) == set(FIELDS)
    assert (fields["specversion"], fields["id"], fields["source"]) == ("1.0", "1767000000.12", "/sites/shop1")
    assert (fields["type"], fields["subject"]) == ("magento.order.snapshot", "order/74")
    assert all(name == name.lower() and name.isalnum() for name in fields)


def test_an_amount_passes_through_no_binary_fraction() -> None:
    [(event, _)] = decode(item(data={"a": Decimal("0.1"), "b": Decimal("24.6475"), "c": Decimal("1E+2")}))
    assert [str(event.data[name]) for name in "abc"] == ["0.1", "24.6475", "1E+2"]


def test_the_data_stays_as_the_shop_wrote_it() -> None:
    text = r'{"increment_id":"000000074","name":"caf\u00e9 \/ 1","grand_total":84.0000,"n":1E+2}'
    ((event, _),) = decode_batch(encode_batch([replace(EVENT, data_text=text)], PUBLISHED), "shop1")
    assert (event.data_text, event.increment_id) == (text, "000000074")
    assert event.data["name"] == "café / 1"


def test_data_over_several_lines_is_written_on_one() -> None:
    batch = encode_batch([replace(EVENT, data_text='{\n "a": 1.50,\n "b": "x\\\\n"\n}'), EVENT], PUBLISHED)
    assert batch.count(b"\n") == 1
    assert [event.data_text for event, _ in decode_batch(batch, "shop1")] == [r'{"a":1.50,"b":"x\\n"}', EVENT.data_text]


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4).map(decimal_json.dumps), max_size=5))
def test_a_batch_reads_the_same_whoever_wrote_it(texts: list[str]) -> None:
    """By lines, as `join_batch` writes it, or as any JSON array."""
    batch = encode_batch([replace(EVENT, entity_id=str(n), data_text=text) for n, text in enumerate(texts)], PUBLISHED)
    others = decimal_json.dumps(decimal_json.loads(batch)).encode()
    pretty = decimal_json.pretty(decimal_json.loads(batch)).encode()
    try:
        events = decode_batch(batch, "shop1")
    except InvalidEvent:  # such as an increment_id that is a number
        events = []
    for payload in (others, pretty):
        try:
            found = decode_batch(payload, "shop1")
        except InvalidEvent:
            found = []
        assert [event.data for event, _ in found] == [event.data for event, _ in events]
        assert [event.entity_id for event, _ in found] == [event.entity_id for event, _ in events]


def test_data_of_another_sender_may_stand_anywhere() -> None:
    fields = item()
    data = fields.pop("data")
    for changed in (
        {"data": data, **fields},
        {"extension": {"data": {}}, **fields, "data": data},
        {"extension": '"data":1', **fields, "data": data},
    ):
        ((event, _),) = decode(changed)
        assert (event.data, event.increment_id) == (EVENT.data, "000000074")


def test_a_document_that_is_no_json_is_refused_before_it_is_stored() -> None:
    whole = encode_batch([EVENT, EVENT], PUBLISHED)
    for broken in (b"24.6475,}", b"24.6475}{", b"NaN}", b'24.6475},"data":{}}', b"24.6475]"):
        with pytest.raises(InvalidEvent):
            decode_batch(whole.replace(b"24.6475}", broken), "shop1")


def test_an_empty_batch_has_no_events() -> None:
    assert decode_batch(b"[]", "shop1") == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff\xfe", b"null", b"7", b'"text"', b'{"specversion": "1.0"}', b"[7]", b"[null]", b"[[]]", b"[NaN]"],
)
def test_bytes_of_another_form_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_batch(payload, "shop1")


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(InvalidEvent):
        decode_batch(b"[" * 200_000, "shop1")


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("id", "datacontenttype")])
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(InvalidEvent):
        decode(item(**{name: None}))


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"source": "/sites/shop2"},
        {"type": "magento.order.rumour"},
        {"type": "order"},
        {"subject": "order"},
        {"epoch": "many"},
        {"epoch": 2**63},
        {"n": -(2**63) - 1},
        {"time": "2026-03-02T12:00:00"},
        {"committedat": "yesterday"},
        {"orderingkey": ["order", "74"]},
        {"orderingkey": 74},
        {"data": "text"},
        {"data": {"increment_id": {"a": 1}}},
    ],
    ids=str,
)
def test_a_field_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        decode(item(**change))


def test_a_whole_surrogate_pair_is_a_character() -> None:
    """PHP writes it escaped."""
    text = r'{"name":"\ud83d\ude00"}'
    ((event, _),) = decode_batch(encode_batch([replace(EVENT, data_text=text)], PUBLISHED), "shop1")
    assert event.data == {"name": "😀"}


@pytest.mark.parametrize(
    "place", [{"data": {"name": "\ud83d"}}, {"orderingkey": "\ud83d"}, {"subject": "order/\ud83d"}]
)
def test_half_a_surrogate_pair_is_refused_for_no_store_takes_it(place: dict[str, Any]) -> None:
    payload = json.dumps([{**item(), **place}], default=str).encode()
    with pytest.raises(InvalidEvent):
        decode_batch(payload, "shop1")


def test_one_bad_event_spoils_its_batch_visibly() -> None:
    with pytest.raises(InvalidEvent):
        decode(item(), item(n="x"))


@given(name=st.sampled_from(FIELDS), value=JSON)
def test_whatever_stands_in_a_field_is_taken_or_refused_and_never_a_crash(name: str, value: Any) -> None:
    try:
        [(event, published_at)] = decode({**item(), name: value})
    except InvalidEvent:
        return
    stored = (event.entity, event.entity_id, event.ordering_key, event.data.get("increment_id") or "")
    assert all(isinstance(text, str) and text.encode() is not None for text in stored)
    assert all(abs(number) < 2**63 for number in (event.version.epoch, event.version.n))
    assert published_at.tzinfo is not None


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 # made aware below
def test_times_as_text_sort_as_times(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert from_text(to_text(aware)) == aware
    assert (to_text(aware) < to_text(COMMITTED)) == (aware < COMMITTED)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    there = COMMITTED.astimezone(timezone(timedelta(hours=-6)))
    assert to_text(there) == to_text(COMMITTED) == "2026-03-02T12:00:00.000001Z"


def test_equal_content_has_one_canonical_text() -> None:
    one = {"b": Decimal("1.50"), "a": [Decimal("0.00"), Decimal("-0"), Decimal("1E+2"), {"x": 1}]}
    other = {"a": (Decimal(0), Decimal(0), Decimal(100), {"x": 1}), "b": Decimal("1.5")}
    assert decimal_json.canonical(one) == decimal_json.canonical(other)
    assert decimal_json.canonical({"a": "1.50"}) != decimal_json.canonical({"a": "1.5"})
