"""Two stores that people edit at once, and the bridge between them: in the end both are alike, and no edit is gone unsaid.

The rules of applying are the real ones (bng_bridge.merging), with the shipped mappings and a real store; the two systems are
a model. Their clocks are wrong, their events come twice, late, in any order or not at all, somebody edits between a read
and the write that follows it, and the daemon dies between a write and its commit. What is left out is the window that
docs/guarantees.md states: an edit in the shop while the one PUT is under way, and of a field at BNG while its PATCH is,
where BNG compares no versions.
"""

import itertools
import sqlite3
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.bridge import new_connection
from tests.support.mappings import template

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.mapping import customers
from bng_bridge.merging import kept
from bng_bridge.merging.customers import IntoBng, IntoShop, of_bng
from bng_bridge.merging.merge import BNG, SHOP, Common, is_same, shows_nothing_new

Document = dict[str, Any]
KEY = "shop1/customer/5/customer"
TO_BNG, TO_SHOP = template("customer-to-customer"), template("bng-customer-to-customer")
FIELDS = ("FirstName", "LastName", "Phone", "TaxID", "BillingAddress")
MOST_WRITES = 4
"""After the last edit: each side is told once, and each may have something that the other is owed."""


def words(document: Document, *, is_create: bool = False) -> Document:
    return TO_BNG(document, external_id="shop1-5", is_create=is_create)


@dataclass
class Edit:
    side: str
    field: str
    value: Any
    is_done: bool = False
    """It has been at the other side, or its own people have edited the field again."""


@dataclass
class World:
    """`skew_s` is how far each side's clock is off. `between` are edits that come between a read and its write."""

    db: sqlite3.Connection
    owners: dict[str, str]
    skew_s: dict[str, int]
    has_versions: bool = True
    shop: Document = field(default_factory=dict)
    bng: Document = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    between: list[tuple[str, str]] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    writes: int = 0
    dies: bool = False
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def begin(self) -> None:
        address = {
            "firstname": "Ida", "lastname": "Brandt", "street": ["Weg 1", "Hof, hinten"], "city": "Kiel", "postcode": "2410",
            "country_id": "DE", "telephone": "1", "region": {"region_code": "SH", "region": "Schleswig", "region_id": 93},
            "region_id": 93,
        }  # fmt: skip
        self.put_in_shop({
            "id": 5, "created_at": "2026-03-01 00:00:00", "email": "ida@example.com", "firstname": "Ida", "taxvat": "DE0",
            "lastname": "Brandt", "addresses": [{**address, "default_billing": True, "default_shipping": True}],
        })  # fmt: skip
        self.put_at_bng({**words(self.shop), "CustomerID": "C-5", "CreditLimit": "1.00", "PaymentTerms": "NET30"})
        bound = Binding(KEY, "shop1", "bng", "customer", "C-5", customers.fingerprint(self.shop), "", "", {})
        bindings.put(self.db, bound, "now")
        self.events.clear()

    # ── what people do ──

    def edit(self, side: str, name: str, *, same_as: str | None = None) -> None:
        value = same_as or f"{name}{next(self._numbers)}"
        for each in self.edits:
            each.is_done = each.is_done or (each.side, each.field) == (side, name)
        if side == BNG:
            told: Any = {**(self.bng["BillingAddress"] or {}), "City": value} if name == "BillingAddress" else value
            self.put_at_bng({**self.bng, name: told})
        else:
            self.put_in_shop(self._edited(name, value))
        edit = Edit(side, name, (self.bng if side == BNG else words(self.shop))[name])
        # Back to what was common the last time is no edit: states are compared, and this one shows none.
        edit.is_done = is_same(self._common(side).get(name), edit.value)
        self.edits.append(edit)
        self.look()

    def _common(self, side: str) -> Document:
        state = kept.common(self.db, KEY) or Common()
        return state.bng if side == BNG else state.shop

    def _edited(self, name: str, value: str) -> Document:
        shop = deepcopy(self.shop)
        (home,) = [each for each in shop["addresses"] if each.get("default_billing")]
        if name == "BillingAddress":
            home["city"] = value
        elif name == "Phone":
            home["telephone"] = value
        else:
            shop[{"FirstName": "firstname", "LastName": "lastname", "TaxID": "taxvat"}[name]] = value
        return shop

    # ── what the two systems do ──

    def put_in_shop(self, document: Document) -> None:
        made = deepcopy(document)
        for number, address in enumerate(made["addresses"], 1):
            address.setdefault("id", 100 + number)
            for role in ("default_billing", "default_shipping"):
                if address.get(role):
                    made[role] = str(address["id"])
        self.shop = {**made, "updated_at": self._clock(SHOP)}
        self.events.append(SHOP)

    def put_at_bng(self, record: Document) -> None:
        self.bng = {**record, "Version": self.bng.get("Version", 0) + 1, "UpdatedAt": self._clock(BNG)}
        self.events.append(BNG)

    def _clock(self, side: str) -> str:
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=next(self._numbers) + self.skew_s[side])
        return at.isoformat()

    # ── what the bridge does, one event after another, as in the lane of one customer ──

    def run(self, event: str) -> None:
        {SHOP: self._into_bng, BNG: self._into_shop}[event]()
        self.look()

    def _into_bng(self) -> None:
        merge = IntoBng(self.db, self.save, KEY, 1, self.owners)
        body = words(self.shop)
        if merge.is_echo(body):
            return
        for _ in range(3):
            known = self.bng
            fields = driven(merge.over(body, known))
            self._interrupt(but=() if self.has_versions else fields)
            if fields and self.has_versions and self.bng["Version"] != known["Version"]:
                continue  # If-Match
            if fields:
                self.put_at_bng({**self.bng, **fields})
                self._write()
            self._keep(merge, body, self.bng if fields else known)
            if merge.is_owed:
                self.events.append(BNG)
            return
        self.events.append(SHOP)

    def _into_shop(self) -> None:
        merge = IntoShop(
            self.db, self.save, KEY, 1, self.owners, words=words, back=TO_SHOP,
            fingerprint_of=customers.fingerprint,
        )  # fmt: skip
        body = self.bng
        if merge.is_echo(body):
            return
        for _ in range(3):
            known = self.shop
            document = driven(merge.over(body, known))
            self._interrupt()
            if document and self.shop != known:
                continue  # the digest is another one
            if document:
                self.put_in_shop(document)
                self._write()
                self._interrupt()
            self._keep(merge, body, self.shop if document else known)
            return
        self.events.append(BNG)

    async def save(self, operation: Callable[[sqlite3.Connection], None]) -> None:
        operation(self.db)

    def _interrupt(self, but: Collection[str] = ()) -> None:
        """Without versions BNG's own edit of what is just being written is overwritten: the other window that is stated."""
        if self.between and self.between[-1][1] not in but:
            self.edit(*self.between.pop())

    def _write(self) -> None:
        self.writes += 1
        self.look()

    def _keep(self, merge: IntoBng | IntoShop, body: Document, written: Document) -> None:
        if self.dies:
            # Claimed again after the restart.
            self.dies = False
            self.events.append(SHOP if isinstance(merge, IntoBng) else BNG)
            return
        merge.keep(self.db, body, written, "now")

    def poll(self) -> None:
        """As sources.hints: only what differs from the common state is a hint."""
        state = kept.common(self.db, KEY)
        if state is None or not shows_nothing_new(state, of_bng(self.bng), of=BNG):
            self.events.append(BNG)

    # ── what has become of it ──

    def look(self) -> None:
        sides = {SHOP: words(self.shop), BNG: self.bng}
        for each in self.edits:
            other = sides[BNG if each.side == SHOP else SHOP]
            each.is_done = each.is_done or is_same(other.get(each.field), each.value)

    def is_recorded(self, edit: Edit) -> bool:
        side = "shop" if edit.side == SHOP else "bng"
        return any(
            each["field"] == edit.field and is_same(each[side], edit.value)
            for each in kept.conflicts(self.db, KEY, 10_000)
        )


def driven(running: Coroutine[Any, Any, Document]) -> Document:
    """The result of what awaits nothing real."""
    try:
        running.send(None)
    except StopIteration as stop:
        return dict(stop.value)
    raise AssertionError("it waits for nobody")


Step = Callable[[World], None]
sides = st.sampled_from((SHOP, BNG))
names = st.sampled_from(FIELDS)


def run_any(at: int) -> Step:
    def step(world: World) -> None:
        if world.events:
            world.run(world.events.pop(at % len(world.events)))

    return step


def lose(world: World) -> None:
    """Of BNG's only: what the shop's trigger wrote is never lost."""
    if BNG in world.events:
        world.events.remove(BNG)


def double(world: World) -> None:
    world.events.extend(world.events[-1:])


def interrupted(side: str, name: str) -> Step:
    return lambda world: world.between.append((side, name))


def both_at_once(side: str, name: str, other_name: str) -> Step:
    """A side edits one field, and the other another while that is being applied."""

    def step(world: World) -> None:
        world.edit(side, name)
        world.between.append((BNG if side == SHOP else SHOP, other_name))
        world.run(side)

    return step


def die_next(world: World) -> None:
    world.dies = True


steps = st.lists(
    st.one_of(
        st.builds(lambda side, name: lambda world: world.edit(side, name), sides, names),
        st.builds(lambda name: lambda world: [world.edit(side, name, same_as="both") for side in (SHOP, BNG)], names),
        st.builds(lambda side, name: lambda world: world.edit(side, name, same_as="again"), sides, names),
        st.builds(run_any, st.integers(0, 9)),
        st.builds(interrupted, sides, names),
        st.builds(both_at_once, sides, names, names),
        st.sampled_from((lose, double, die_next, World.poll)),
    ),
    max_size=30,
)
owned = st.sampled_from(({}, {"LastName": "bng", "BillingAddress": "bng"}, dict.fromkeys(FIELDS, "bng")))
skews = st.fixed_dictionaries({SHOP: st.integers(-90_000, 90_000), BNG: st.integers(-90_000, 90_000)})


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """One store for all of them: each begins by emptying it."""
    with closing(new_connection(tmp_path_factory.mktemp("merge"))) as db:
        yield db


@settings(max_examples=500, deadline=None)
@given(steps, owned, skews, st.booleans())
def test_both_sides_end_alike_without_a_loop_and_no_edit_is_gone_unsaid(
    db: sqlite3.Connection, played: list[Step], owners: dict[str, str], skew_s: dict[str, int], has_versions: bool
) -> None:
    for table in ("binding", "common_state", "conflict"):
        db.execute(f"DELETE FROM {table}")
    world = World(db, owners, skew_s, has_versions)
    world.begin()
    for step in played:
        step(world)
    world.between.clear()
    settle(world)
    told = {SHOP: words(world.shop), BNG: world.bng}
    assert [name for name in FIELDS if not is_same(told[SHOP].get(name), told[BNG].get(name))] == []
    assert [each for each in world.edits if not (each.is_done or world.is_recorded(each))] == []


def settle(world: World) -> None:
    """Everything that is told, and what poll and manifest bring, until nothing comes any more."""
    before = world.writes
    world.events.append(SHOP)
    world.poll()
    for _ in range(100):
        if not world.events:
            break
        world.run(world.events.pop(0))
    assert not world.events, "it goes round in circles"
    assert world.writes - before <= MOST_WRITES
