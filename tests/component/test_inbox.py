"""The inbox over a real SQLite file: what is accepted stays, the newest state wins, one per lane at a time."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, event, new_connection, opened, until

from bng_bridge import cleaner, inbox
from bng_bridge.inbox import Claimed, Hint
from bridge_common.clock import ClockWatch, from_text


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = new_connection(tmp_path)
    yield connection
    connection.close()


def put(db: sqlite3.Connection, *versions: int, now: str = at(0), **fields: Any) -> int:
    return inbox.put_events(db, [event(n, **fields) for n in versions], now)


def claim_one(db: sqlite3.Connection, now: str = at(1)) -> Claimed:
    claimed = inbox.claim(db, now, 1)
    assert len(claimed) == 1
    return claimed[0]


def settle(db: sqlite3.Connection, claimed: Claimed, state: str = "done", **fields: str) -> str:
    return inbox.settle(db, claimed, state, started_at=at(1), now=at(2), **fields)


def give_back(db: sqlite3.Connection, claimed: Claimed, outcome: str, run_at: str = at(5), reason: str = "no") -> str:
    return inbox.give_back(
        db, claimed, outcome, started_at=at(1), now=at(2), run_at=run_at, error_kind="Kind", reason=reason, hint="hint"
    )


def states(db: sqlite3.Connection) -> dict[str, str]:
    return {row["event_key"]: row["state"] for row in db.execute("SELECT event_key, state FROM inbox")}


def row(db: sqlite3.Connection, event_key: str) -> sqlite3.Row:
    found: sqlite3.Row = db.execute(
        "SELECT inbox.*, data FROM inbox LEFT JOIN document USING (seq) WHERE event_key = ?", (event_key,)
    ).fetchone()
    return found


def attempts(db: sqlite3.Connection, claimed: Claimed) -> list[sqlite3.Row]:
    return inbox.select(db, "attempts", seq=claimed.seq)


def hint(key: str = "h1", entity_id: str = "SH1", lane: str = "shop1/order/74") -> Hint:
    return Hint("shipment", entity_id, lane, f"bng/{key}", {"key": key})


def test_a_new_event_is_pending_with_its_data(db: sqlite3.Connection) -> None:
    assert put(db, 1) == 1
    claimed = claim_one(db)
    assert (claimed.event_key, claimed.ordering_key, claimed.attempts) == ("shop1/1.1", "shop1/order/74", 0)
    assert claimed.document() == {"increment_id": "000000074", "n": 1}
    assert row(db, "shop1/1.1")["increment_id"] == "000000074"


def test_a_duplicate_changes_nothing_whatever_became_of_the_first(db: sqlite3.Connection) -> None:
    put(db, 1)
    assert put(db, 1, now=at(9)) == 0
    settle(db, claim_one(db))
    before = tuple(row(db, "shop1/1.1"))
    assert put(db, 1, now=at(10)) == 0
    assert tuple(row(db, "shop1/1.1")) == before


def test_an_older_version_that_comes_later_is_kept_as_superseded(db: sqlite3.Connection) -> None:
    put(db, 5)
    assert put(db, 4) == 0
    assert states(db) == {"shop1/1.5": "pending", "shop1/1.4": "superseded"}
    assert [each.event_key for each in inbox.claim(db, at(1), 10)] == ["shop1/1.5"]


def test_an_older_version_is_superseded_even_when_the_newer_one_is_done_and_forgotten(db: sqlite3.Connection) -> None:
    put(db, 5)
    settle(db, claim_one(db))
    inbox.clean(db, at(100))
    assert states(db) == {}
    assert put(db, 4, 5) == 0
    assert set(states(db).values()) == {"superseded"}


def test_a_higher_epoch_is_newer_whatever_its_number(db: sqlite3.Connection) -> None:
    put(db, 900, epoch=7)
    assert put(db, 1, epoch=8) == 1
    assert states(db) == {"shop1/7.900": "superseded", "shop1/8.1": "pending"}


def test_a_newer_version_supersedes_a_pending_one_and_drops_its_data(db: sqlite3.Connection) -> None:
    put(db, 1)
    put(db, 2, now=at(3))
    old = row(db, "shop1/1.1")
    assert (old["state"], old["data"], old["settled_at"]) == ("superseded", None, at(3))
    assert [each.event_key for each in inbox.claim(db, at(4), 10)] == ["shop1/1.2"]


def test_a_newer_version_supersedes_a_dead_one(db: sqlite3.Connection) -> None:
    put(db, 1)
    settle(db, claim_one(db), "dead", reason="bad", hint="mend it")
    put(db, 2)
    assert states(db) == {"shop1/1.1": "superseded", "shop1/1.2": "pending"}


def test_versions_in_one_batch_leave_only_the_newest_pending(db: sqlite3.Connection) -> None:
    assert put(db, 2, 1, 3) == 2
    assert states(db) == {"shop1/1.2": "superseded", "shop1/1.1": "superseded", "shop1/1.3": "pending"}


def test_equal_ids_of_another_site_or_entity_are_left_alone(db: sqlite3.Connection) -> None:
    put(db, 1)
    put(db, 1, site="shop2")
    put(db, 2, entity="customer")
    assert states(db) == {"shop1/1.1": "pending", "shop2/1.1": "pending", "shop1/1.2": "pending"}


def test_events_are_claimed_oldest_first(db: sqlite3.Connection) -> None:
    put(db, 1, entity_id="3", now=at(3))
    put(db, 2, entity_id="1", now=at(1))
    put(db, 3, entity_id="2", now=at(2))
    assert [each.entity_id for each in inbox.claim(db, at(4), 10)] == ["1", "2", "3"]


def test_no_more_are_claimed_than_there_is_room_for(db: sqlite3.Connection) -> None:
    for number in range(1, 6):
        put(db, number, entity_id=str(number))
    assert [len(inbox.claim(db, at(1), 2)) for _ in range(4)] == [2, 2, 1, 0]


def test_one_per_ordering_key_is_in_flight(db: sqlite3.Connection) -> None:
    put(db, 1)
    put(db, 2, entity="invoice", entity_id="9", lane="order/74")
    put(db, 3, entity_id="75")
    first = inbox.claim(db, at(1), 10)
    assert [each.event_key for each in first] == ["shop1/1.1", "shop1/1.3"]
    assert inbox.claim(db, at(1), 10) == []
    settle(db, first[0])
    assert [each.event_key for each in inbox.claim(db, at(1), 10)] == ["shop1/1.2"]


def test_the_same_ordering_key_of_two_sites_is_two_lanes(db: sqlite3.Connection) -> None:
    put(db, 1)
    put(db, 1, site="shop2")
    assert len(inbox.claim(db, at(1), 10)) == 2


def test_an_event_is_not_claimed_before_its_time(db: sqlite3.Connection) -> None:
    put(db, 1)
    give_back(db, claim_one(db), "postponed", run_at=at(60))
    assert inbox.next_due(db) == at(60)
    assert inbox.claim(db, at(59.9), 10) == []
    assert claim_one(db, at(60)).event_key == "shop1/1.1"
    assert inbox.next_due(db) is None


def test_a_postponed_event_counts_no_attempt_and_a_retried_one_does(db: sqlite3.Connection) -> None:
    put(db, 1)
    assert give_back(db, claim_one(db), "postponed") == "pending"
    claimed = claim_one(db, at(6))
    assert claimed.attempts == 0
    assert give_back(db, claimed, "retried") == "pending"
    claimed = claim_one(db, at(6))
    assert claimed.attempts == 1
    settle(db, claimed)
    assert row(db, "shop1/1.1")["attempts"] == 2


def test_postponing_again_for_the_same_reason_makes_the_attempt_longer_not_more(db: sqlite3.Connection) -> None:
    put(db, 1)
    for reason in ("waits", "waits", "waits for something else", "waits"):
        claimed = claim_one(db, at(6))
        give_back(db, claimed, "postponed", reason=reason)
    assert [each["error"] for each in attempts(db, claimed)] == ["waits", "waits for something else", "waits"]


def test_the_state_the_reason_and_the_attempt_are_on_record(db: sqlite3.Connection) -> None:
    put(db, 1)
    claimed = claim_one(db)
    assert settle(db, claimed, "dead", reason="bad amount", hint="mend it", error_kind="MappingError") == "dead"
    letter = inbox.select(db, "dead", limit=10)[0]
    assert (letter["seq"], letter["reason"], letter["hint"]) == (claimed.seq, "bad amount", "mend it")
    attempt = attempts(db, claimed)[0]
    assert (attempt["number"], attempt["outcome"], attempt["error_kind"], attempt["error"]) == (
        1, "dead", "MappingError", "bad amount",
    )  # fmt: skip
    assert (attempt["started_at"], attempt["ended_at"]) == (at(1), at(2))


@pytest.mark.parametrize("outcome", ["retried", "postponed"])
def test_a_failed_state_gives_way_to_a_newer_one_that_waits(db: sqlite3.Connection, outcome: str) -> None:
    put(db, 1)
    old = claim_one(db)
    put(db, 2)
    assert states(db) == {"shop1/1.1": "processing", "shop1/1.2": "pending"}
    assert give_back(db, old, outcome) == "superseded"
    assert states(db) == {"shop1/1.1": "superseded", "shop1/1.2": "pending"}


def test_a_state_that_dies_while_a_newer_one_waits_is_no_dead_letter(db: sqlite3.Connection) -> None:
    """Else an operator's retry would write the older state over the newer one."""
    put(db, 1)
    old = claim_one(db)
    put(db, 2)
    assert settle(db, old, "dead", reason="bad", hint="mend it") == "superseded"
    assert not inbox.requeue(db, old.seq, at(9))
    assert inbox.select(db, "dead", limit=10) == []
    assert attempts(db, old)[0]["error"] == "bad"


def test_a_state_that_was_applied_is_done_although_a_newer_one_waits(db: sqlite3.Connection) -> None:
    put(db, 1)
    old = claim_one(db)
    put(db, 2)
    assert settle(db, old, "done") == "done"
    assert claim_one(db).event_key == "shop1/1.2"


def test_what_a_crash_left_in_processing_is_given_back_uncounted(db: sqlite3.Connection) -> None:
    put(db, 1)
    claim_one(db)
    assert inbox.rescue(db, at(50)) == 1
    assert inbox.rescue(db, at(51)) == 0
    rescued = claim_one(db, at(50))
    assert (rescued.event_key, rescued.attempts) == ("shop1/1.1", 0)


def test_an_older_state_is_not_rescued_over_a_newer_one_that_waits(db: sqlite3.Connection) -> None:
    put(db, 1)
    claim_one(db)
    put(db, 2)
    inbox.rescue(db, at(50))
    assert states(db) == {"shop1/1.1": "superseded", "shop1/1.2": "pending"}


def test_undecodable_bytes_are_kept_once_as_a_dead_letter(db: sqlite3.Connection) -> None:
    for _ in range(2):
        inbox.put_undecodable(db, "shop1", b"\xff{", "not JSON", at(0))
    letters = inbox.select(db, "dead", limit=10)
    assert [(each["site"], each["kind"], each["reason"]) for each in letters] == [("shop1", "raw", "not JSON")]
    assert inbox.select(db, "get", seq=letters[0]["seq"])[0]["data"] == b"\xff{"


def test_hints_about_one_record_become_one(db: sqlite3.Connection) -> None:
    assert inbox.put_hint(db, hint("h1"), at(0))
    assert inbox.put_hint(db, hint("h2"), at(1))
    assert not inbox.put_hint(db, hint("h2"), at(2))
    assert inbox.put_hint(db, hint("h3", entity_id="SH2"), at(3))
    assert states(db) == {"bng/h1": "superseded", "bng/h2": "pending", "bng/h3": "pending"}


def test_a_hint_that_comes_while_its_record_is_fetched_is_fetched_again(db: sqlite3.Connection) -> None:
    inbox.put_hint(db, hint("h1"), at(0))
    fetching = claim_one(db)
    inbox.put_hint(db, hint("h2"), at(1))
    assert inbox.claim(db, at(2), 10) == []
    settle(db, fetching)
    assert claim_one(db, at(2)).event_key == "bng/h2"


def test_a_hint_shares_the_lane_of_its_order(db: sqlite3.Connection) -> None:
    put(db, 1)
    inbox.put_hint(db, hint(), at(0))
    order = claim_one(db)
    assert (order.source, inbox.claim(db, at(1), 10)) == ("magento", [])
    settle(db, order)
    assert claim_one(db).source == "bng"


def test_a_requeued_dead_letter_begins_anew(db: sqlite3.Connection) -> None:
    put(db, 1)
    give_back(db, claim_one(db), "retried")
    dead = claim_one(db, at(6))
    settle(db, dead, "dead", reason="bad", hint="mend it")
    assert inbox.requeue(db, dead.seq, at(10))
    again = claim_one(db, at(10))
    assert (again.event_key, again.attempts, again.document()["n"]) == ("shop1/1.1", 0, 1)


def test_a_discarded_dead_letter_keeps_its_reason_and_stays_discarded(db: sqlite3.Connection) -> None:
    put(db, 1)
    dead = claim_one(db)
    settle(db, dead, "dead", reason="bad")
    assert inbox.discard(db, dead.seq, "a test order", at(10))
    assert (row(db, "shop1/1.1")["state"], row(db, "shop1/1.1")["reason"]) == ("discarded", "a test order")
    assert not inbox.requeue(db, dead.seq, at(11))
    assert inbox.claim(db, at(99), 10) == []


@pytest.mark.parametrize("state", ["pending", "processing", "done"])
def test_only_what_is_dead_can_be_requeued_or_discarded(db: sqlite3.Connection, state: str) -> None:
    put(db, 1)
    if state != "pending":
        claimed = claim_one(db)
        if state == "done":
            settle(db, claimed)
    assert not inbox.requeue(db, 1, at(9))
    assert not inbox.discard(db, 1, "no", at(9))
    assert states(db) == {"shop1/1.1": state}


def test_closed_events_are_forgotten_after_their_time_and_open_ones_never(db: sqlite3.Connection) -> None:
    for number, state in enumerate(("done", "skipped", "discarded", "dead", "processing", "pending"), 1):
        put(db, number, entity_id=str(number), now=at(number))
        if state != "pending":
            claimed = claim_one(db, at(number))
            if state != "processing":
                settle(db, claimed, "dead" if state == "discarded" else state)
            if state == "discarded":
                inbox.discard(db, claimed.seq, "no", at(7))
    assert inbox.clean(db, at(1)) == 0
    assert inbox.clean(db, at(1000)) == 2
    assert sorted(states(db).values()) == ["dead", "discarded", "pending", "processing"]
    assert {attempt["seq"] for attempt in db.execute("SELECT seq FROM attempt")} == {3, 4}


def test_a_discarded_state_is_kept_as_long_as_it_is_the_last_word_on_its_record(db: sqlite3.Connection) -> None:
    put(db, 1)
    dead = claim_one(db)
    settle(db, dead, "dead")
    inbox.discard(db, dead.seq, "no", at(3))
    assert inbox.clean(db, at(1000)) == 0
    put(db, 2)
    settle(db, claim_one(db), "skipped")
    assert inbox.clean(db, at(1000)) == 1
    put(db, 3)
    settle(db, claim_one(db))
    assert inbox.clean(db, at(1000)) == 2
    assert states(db) == {}


async def test_a_long_backlog_of_closed_events_is_cleaned_without_a_pause_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "CLEANED", 2)
    monkeypatch.setattr(cleaner, "PAUSE_S", 0.0)
    async with opened(tmp_path / "bridge.sqlite") as store:
        await store.write(lambda db: inbox.put_events(db, [event(n, entity_id="1") for n in range(1, 8)], at(0)))
        cleaning = asyncio.create_task(cleaner.run(store, ClockWatch()))
        count = "SELECT count(*) FROM inbox"
        await until("only the last one is left", lambda: store.read.execute(count).fetchone()[0] == 1)
        cleaning.cancel()


def test_the_first_row_of_a_time_is_found_by_halving(db: sqlite3.Connection) -> None:
    for second in (1, 2, 2, 5):
        inbox.put_events(db, [event(second * 10 + inbox.last_seq(db), entity_id=str(inbox.last_seq(db)))], at(second))
    assert [inbox.seq_at(db, at(second)) for second in (0, 1, 2, 3, 5, 6)] == [1, 1, 2, 4, 4, 5]


HOUR_S, DAY_S = 3600.0, 86400.0


def blamed_s(db: sqlite3.Connection, *looks: tuple[float, float, str], asked_s: float = 10 * DAY_S) -> float:
    """Of an event stored at 0: when its age begins, after attempts from, to, with this kind of error."""
    put(db, 1)
    claimed = claim_one(db)
    for begun_s, ended_s, kind in looks:
        for now_s in (begun_s, ended_s):
            inbox.give_back(
                db,
                claimed,
                "postponed",
                started_at=at(now_s),
                now=at(now_s),
                run_at=at(0),
                error_kind=kind,
                reason=kind,
            )
            db.execute("UPDATE attempt SET ended_at = ? WHERE started_at = ?", (at(ended_s), at(begun_s)))
    since = inbox.blamed_since(db, claimed, at(asked_s))
    return round((since - from_text(at(0))).total_seconds())


def test_the_age_of_an_event_that_was_looked_at_all_the_time_begins_when_it_was_stored(db: sqlite3.Connection) -> None:
    assert blamed_s(db, (300, 5 * DAY_S, "AwaitingPayment"), (5 * DAY_S + 300, 10 * DAY_S - 300, "Missing")) == 0


def test_time_in_which_nobody_looked_is_no_part_of_an_event_s_age(db: sqlite3.Connection) -> None:
    assert blamed_s(db, (1, DAY_S, "Missing"), (9 * DAY_S, 10 * DAY_S, "Missing")) == 8 * DAY_S


def test_the_age_of_an_event_begins_when_it_is_looked_at_first(db: sqlite3.Connection) -> None:
    assert blamed_s(db) == 10 * DAY_S


def test_time_in_which_its_target_was_paused_is_no_part_of_an_event_s_age(db: sqlite3.Connection) -> None:
    looks = (1, DAY_S, "Missing"), (DAY_S, 9 * DAY_S, "TargetPaused"), (9 * DAY_S, 10 * DAY_S, "Missing")
    assert blamed_s(db, *looks) == 8 * DAY_S


def test_a_target_that_is_paused_for_an_hour_each_night_makes_an_event_old_all_the_same(db: sqlite3.Connection) -> None:
    looks = [
        look
        for day in range(10)
        for look in (
            (day * DAY_S, day * DAY_S + HOUR_S, "TargetPaused"),
            (day * DAY_S + HOUR_S, (day + 1) * DAY_S, "M"),
        )
    ]
    assert blamed_s(db, *looks) == 10 * HOUR_S


def test_a_requeued_event_s_age_begins_at_the_operator_s_word(db: sqlite3.Connection) -> None:
    put(db, 1)
    settle(db, claim_one(db), "dead")
    inbox.requeue(db, 1, at(9 * DAY_S))
    since = inbox.blamed_since(db, claim_one(db, at(9 * DAY_S)), at(9 * DAY_S + 60))
    assert since == from_text(at(9 * DAY_S))


def test_postponements_for_one_reason_are_one_row_unless_nobody_looked_in_between(db: sqlite3.Connection) -> None:
    put(db, 1)
    claimed = claim_one(db)
    for now_s in (0, 1800, 3600, 3600 + 2 * HOUR_S):
        inbox.give_back(
            db, claimed, "postponed", started_at=at(now_s), now=at(now_s), run_at=at(0), error_kind="K", reason="r"
        )
    assert [(row["started_at"], row["ended_at"]) for row in attempts(db, claimed)] == [
        (at(0), at(3600)),
        (at(3 * HOUR_S), at(3 * HOUR_S)),
    ]
