"""The inbox against a model: whatever comes in whatever order, and wherever the daemon dies.

Nothing accepted disappears, one event per ordering key is in flight, no older state is claimed after a newer one was
applied, and the newest state of every entity is applied or waits for a person.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.support.bridge import at, event, new_connection

from bng_bridge import inbox
from bng_bridge.inbox import Claimed
from bng_bridge.store import connect
from bridge_common.event import Event

Version = tuple[int, int]
LANES = {"order": "order/1", "invoice": "order/1", "customer": "customer/1"}
"""Ordering key by entity: the order and its invoice share one."""
ENTITIES = list(LANES)


@dataclass
class Known:
    """One accepted event, as it ought to stand."""

    entity: str
    version: Version
    state: str
    seq: int
    run_at: float


@dataclass
class Model:
    """By event key, and per entity the highest version accepted and the last one applied."""

    events: dict[str, Known] = field(default_factory=dict)
    seen: dict[str, Version] = field(default_factory=dict)
    applied: dict[str, Version] = field(default_factory=dict)

    def put(self, entity: str, version: Version, now: float) -> None:
        key = key_of(version)
        if key in self.events:
            return
        newest = version > self.seen.get(entity, (0, 0))
        if newest:
            self.seen[entity] = version
            for known in self.events.values():
                if known.entity == entity and known.state in ("pending", "dead"):
                    known.state = "superseded"
        state = "pending" if newest else "superseded"
        self.events[key] = Known(entity, version, state, len(self.events) + 1, now)

    def claim(self, now: float, limit: int) -> list[str]:
        found: list[str] = []
        for key, known in sorted(self.events.items(), key=lambda each: (each[1].run_at, each[1].seq)):
            busy = {LANES[each.entity] for each in self.events.values() if each.state == "processing"}
            if (
                len(found) < limit
                and known.state == "pending"
                and known.run_at <= now
                and LANES[known.entity] not in busy
            ):
                known.state = "processing"
                found.append(key)
        return found

    def give_back(self, key: str, run_at: float) -> None:
        """Pending again, unless a newer state waits."""
        known = self.events[key]
        known.state, known.run_at = ("superseded" if self.newer_waits(key) else "pending"), run_at

    def newer_waits(self, key: str) -> bool:
        this = self.events[key]
        return any(
            known.entity == this.entity and known.version > this.version and known.state == "pending"
            for known in self.events.values()
        )

    def of_state(self, state: str) -> list[str]:
        return sorted(key for key, known in self.events.items() if known.state == state)


class InboxMachine(RuleBasedStateMachine):
    """`claimed` is what this run of the daemon holds; a crash forgets it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.db = new_connection(self.folder)
        self.model = Model()
        self.claimed: dict[str, Claimed] = {}
        self.now = 0.0

    def teardown(self) -> None:
        try:
            self.run_dry()
        finally:
            self.db.close()
            shutil.rmtree(self.folder)

    @rule(
        batch=st.lists(
            st.tuples(st.sampled_from(ENTITIES), st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=4
        )
    )
    def put_any(self, batch: list[tuple[str, int, int]]) -> None:
        """Newer, older, duplicates, in one commit."""
        versions = [(entity, version_of(entity, epoch, step)) for entity, epoch, step in batch]
        with transaction(self.db):
            inbox.put_events(self.db, [event_of(*each) for each in versions], at(self.now))
        for entity, version in versions:
            self.model.put(entity, version, self.now)

    @rule(entity=st.sampled_from(ENTITIES))
    def put_newer(self, entity: str) -> None:
        epoch, n = self.model.seen.get(entity, (1, 0))
        self.put_any([(entity, epoch, n // 10 + 1)])

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        with transaction(self.db):
            found = inbox.claim(self.db, at(self.now), limit)
        assert [each.event_key for each in found] == self.model.claim(self.now, limit)
        for each in found:
            version = self.model.events[each.event_key].version
            assert version > self.model.applied.get(each.entity, (0, 0))
            assert each.document()["n"] == version[1]
            self.claimed[each.event_key] = each

    @precondition(lambda self: self.claimed)
    @rule(data=st.data(), state=st.sampled_from(["done", "skipped", "dead"]))
    def settle(self, data: st.DataObject, state: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.claimed)))
        with transaction(self.db):
            got = inbox.settle(self.db, self.claimed.pop(key), state, started_at=at(0), now=at(self.now))
        known = self.model.events[key]
        known.state = "superseded" if state == "dead" and self.model.newer_waits(key) else state
        assert got == known.state
        if state != "dead":
            self.model.applied[known.entity] = known.version

    @precondition(lambda self: self.claimed)
    @rule(data=st.data(), outcome=st.sampled_from(["retried", "postponed"]), delay=st.integers(0, 20))
    def give_back(self, data: st.DataObject, outcome: str, delay: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.claimed)))
        with transaction(self.db):
            got = inbox.give_back(
                self.db, self.claimed.pop(key), outcome, started_at=at(0), now=at(self.now),
                run_at=at(self.now + delay), error_kind="Kind", reason="reason",
            )  # fmt: skip
        self.model.give_back(key, self.now + delay)
        assert got == self.model.events[key].state

    @precondition(lambda self: self.model.of_state("dead"))
    @rule(data=st.data(), requeued=st.booleans())
    def decide_about_a_dead_letter(self, data: st.DataObject, requeued: bool) -> None:
        known = self.model.events[data.draw(st.sampled_from(self.model.of_state("dead")))]
        with transaction(self.db):
            if requeued:
                assert inbox.requeue(self.db, known.seq, at(self.now))
                known.state, known.run_at = "pending", self.now
            else:
                assert inbox.discard(self.db, known.seq, "reason", at(self.now))
                known.state = "discarded"

    @rule(seconds=st.integers(1, 30))
    def advance_the_clock(self, seconds: int) -> None:
        self.now += seconds

    @rule(uncommitted=st.booleans())
    def crash(self, uncommitted: bool) -> None:
        """What was not committed was not acknowledged either, and leaves no trace."""
        if uncommitted:
            self.db.execute("BEGIN IMMEDIATE")
            inbox.put_events(self.db, [event_of("order", (9, 9))], at(self.now))
            inbox.claim(self.db, at(self.now), 5)
        self.db.close()
        self.db = connect(self.folder / "bridge.sqlite")
        self.db.execute("PRAGMA synchronous = OFF")
        self.claimed.clear()
        with transaction(self.db):
            inbox.rescue(self.db, at(self.now))
        for key in self.model.of_state("processing"):
            self.model.give_back(key, self.now)

    @invariant()
    def nothing_accepted_disappears_and_everything_stands_as_it_should(self) -> None:
        found = {row["event_key"]: row["state"] for row in self.db.execute("SELECT event_key, state FROM inbox")}
        assert found == {key: known.state for key, known in self.model.events.items()}

    @invariant()
    def one_event_per_ordering_key_is_in_flight(self) -> None:
        in_flight = [LANES[self.model.events[key].entity] for key in self.model.of_state("processing")]
        assert len(in_flight) == len(set(in_flight))

    @invariant()
    def the_newest_state_of_an_entity_is_never_superseded(self) -> None:
        for entity, newest in self.model.seen.items():
            known = self.model.events[key_of(newest)]
            assert known.entity == entity
            assert known.state != "superseded"

    def run_dry(self) -> None:
        """A daemon that comes up again and has no more trouble applies everything but what waits for a person."""
        self.crash(uncommitted=False)
        self.now += 1000
        for _ in range(len(self.model.events) + 1):
            self.claim(1)
            for key, claimed in self.claimed.items():
                inbox.settle(self.db, claimed, "done", started_at=at(0), now=at(self.now))
                known = self.model.events[key]
                known.state, self.model.applied[known.entity] = "done", known.version
            self.claimed.clear()
        self.nothing_accepted_disappears_and_everything_stands_as_it_should()
        assert not self.model.of_state("pending")
        for entity, newest in self.model.seen.items():
            waits_for_a_person = self.model.events[key_of(newest)].state in ("dead", "discarded")
            assert waits_for_a_person or self.model.applied[entity] == newest


def version_of(entity: str, epoch: int, step: int) -> Version:
    """An agent gives no number to two entities: the last digit tells them apart."""
    return epoch, step * 10 + ENTITIES.index(entity)


def key_of(version: Version) -> str:
    return f"shop1/{version[0]}.{version[1]}"


def event_of(entity: str, version: Version) -> tuple[Event, datetime]:
    return event(version[1], epoch=version[0], entity=entity, entity_id="1", lane=LANES[entity])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    yield
    db.execute("COMMIT")


TestInbox = InboxMachine.TestCase
TestInbox.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
