"""A customer's two sides brought together: target.Merge in both directions. BNG's words are those of a mapping to BNG.

Both directions of one customer run one after another, in one lane and under one lock, and each reads both sides while it
holds them. What is kept is the state that was compared, so an edit in between is still one when its own event comes. A crash
before the commit leaves the older common state: what was written stands at both sides then, and is no change of anybody's.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.bng.records import settable
from bng_bridge.magento.customer_document import as_saved, changed
from bng_bridge.merging import kept
from bng_bridge.merging.merge import (
    BNG,
    SHOP,
    Common,
    Document,
    Merged,
    after_bng,
    after_shop,
    merge,
    shows_nothing_new,
)
from bng_bridge.target import Body
from bridge_common.clock import to_text, utc_now

NAME = "ExternalID"
"""Is no field of anybody's: it says which customer of the shop it is."""
Save = Callable[[Callable[[sqlite3.Connection], None]], Awaitable[None]]
Words = Callable[..., Document]
"""A mapping to BNG over a shop's document; `is_create` as for a customer that BNG does not have yet."""


@dataclass
class _TwoSided:
    """`binding` is the customer's at BNG; None while BNG has none. `save` commits."""

    read: sqlite3.Connection
    save: Save
    target_key: str
    seq: int
    owners: Mapping[str, str]
    merged: Merged = field(default_factory=lambda: Merged({}, {}))
    _common: Common = field(default_factory=Common)

    @property
    def binding(self) -> Binding | None:
        return bindings.get(self.read, self.target_key)

    async def _merge(self, shop: Document, bng: Document) -> None:
        """A loser is on record before it is written over."""
        self.merged = merge(self._common, shop, bng, self.owners)
        found, now = self.merged.conflicts, to_text(utc_now())
        if found:
            await self.save(lambda db: kept.add_conflicts(db, self.target_key, self.seq, found, now))


@dataclass
class IntoBng(_TwoSided):
    """The shop's customer, as the mapping gives it, is written to BNG."""

    _known: Body | None = None

    @property
    def is_owed(self) -> bool:
        """Whether the shop is still to be told of something."""
        return bool(self.merged.to_shop)

    def is_echo(self, body: Body) -> bool:
        state = kept.common(self.read, self.target_key)
        return state is not None and shows_nothing_new(state, _shop(body), of=SHOP)

    async def over(self, body: Body, known: Body) -> Body:
        self._known = known
        self._common = kept.common(self.read, self.target_key) or _from_binding(self.binding, body, known) or Common()
        await self._merge(_shop(body), of_bng(known))
        # Another name than ours is somebody else's: an operator linked a customer that another shop has, too.
        name = {NAME: body[NAME]} if body.get(NAME) and not known.get(NAME) else {}
        return {**self.merged.to_bng, **name}

    def keep(self, db: sqlite3.Connection, body: Body, written: Body, now: str) -> None:
        shop = _shop(body)
        if self._known is None:
            # It was made of what the shop says.
            self._common, self._known, self.merged = Common(), written, Merged(shop, {})
        state = after_bng(self._common, shop, of_bng(self._known), self.merged, of_bng(written))
        kept.put_common(db, self.target_key, state, now)


@dataclass
class IntoShop(_TwoSided):
    """BNG's customer is written into the shop: `words` gives BNG's fields of the shop's document, `back` the other way.

    What is written is what `back` gives otherwise of the merged customer than of the present one, so that a field which the
    two mappings do not lead back and forth unchanged stays as the shop has it.
    """

    words: Words = field(kw_only=True)
    back: Callable[[Document], Document] = field(kw_only=True)
    fingerprint_of: Callable[[Document], str] = field(kw_only=True)
    _before: Document = field(default_factory=dict)
    _sent: Document = field(default_factory=dict)

    def is_echo(self, body: Body) -> bool:
        state = kept.common(self.read, self.target_key)
        return state is not None and shows_nothing_new(state, of_bng(body), of=BNG)

    async def over(self, body: Body, known: Body) -> Body:
        """Raises IdentityChanged for another customer under the id of the one that was bound."""
        bound, bng = self.binding, of_bng(body)
        if bound is not None:
            bindings.check_fingerprint(self.target_key, bound.fingerprint, self.fingerprint_of(known))
        said = self.words(known, is_create=False)
        shop = _shop(said)
        self._common = (
            kept.common(self.read, self.target_key)
            or _from_binding(bound, said, body)
            or _from_binding(bound, self.words(known, is_create=True), body)
            or Common()
        )
        await self._merge(shop, bng)
        # What the shop does not speak of is there as BNG said it the last time.
        unsaid = {name: self._common.bng.get(name) for name in self.merged.to_shop if name not in shop}
        before = {**body, **shop, **unsaid}
        found = changed(known, self.back(before), self.back({**before, **self.merged.to_shop}))
        self._before = shop
        self._sent = shop if found is None else _shop(self.words(as_saved(found), is_create=False))
        return found or {}

    def keep(self, db: sqlite3.Connection, body: Body, written: Body, now: str) -> None:
        """Of the shop counts what was sent. What it shows now may be somebody's edit since, which must be seen yet."""
        del written
        state = after_shop(self._common, self._before, of_bng(body), self.merged, self._sent)
        kept.put_common(db, self.target_key, state, now)


def of_bng(record: Body) -> Document:
    """The fields of BNG's customer that a person may edit."""
    return {name: value for name, value in settable("customer", record).items() if name != NAME}


def _shop(body: Body) -> Document:
    return {name: value for name, value in body.items() if name != NAME}


def _from_binding(bound: Binding | None, body: Body, known: Body) -> Common | None:
    """What is known of a customer from before the merging: the digest of what the shop said last, and BNG's version then."""
    if bound is None or not bound.digest:
        # Nothing was ever said of one that was only found.
        return None
    is_said = bound.digest == bindings.digest_of(body)
    # The tag that BNG gives a version may stand in quotes.
    is_old = bool(bound.version) and bound.version.strip('"') == str(known.get("Version"))
    return Common(_shop(body) if is_said else {}, of_bng(known) if is_old else {}) if is_said or is_old else None
