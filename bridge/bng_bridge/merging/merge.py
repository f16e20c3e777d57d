"""The three-way merge of one record that two sides edit: field by field, against the last state they had in common.

Both sides are given in BNG's words. What a side changed is told by that side's own last common value, never by a time and
never by the other side's value: a mapping that is not the same there and back makes no change of its own, so nothing goes
round in circles. An address is one field: a street of one side in a city of the other would be nobody's address.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge_common import decimal_json

Document = dict[str, Any]
SHOP, BNG = "magento", "bng"
"""The two sides, as mapping files name the owner of a field."""


@dataclass(frozen=True, slots=True)
class Common:
    """The last common state, as each side showed it. A field that is missing there is not known of that side."""

    shop: Document = field(default_factory=dict)
    bng: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed the field; `winner` is its owner, and the other one's value is lost but for this."""

    field: str
    shop: Any
    bng: Any
    winner: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What each side lacks, in BNG's words."""

    to_bng: Document
    to_shop: Document
    conflicts: tuple[Conflict, ...] = ()


def merge(common: Common, shop: Document, bng: Document, owners: Mapping[str, str]) -> Merged:
    """`shop` has the fields that the shop speaks of; all others of `bng` lead into the shop alone.

    The owner decides where both changed, the shop without a word in `owners`. Where nothing is known of a field from before,
    a value stands for an empty one.
    """
    to_bng: Document = {}
    to_shop: Document = {}
    conflicts: list[Conflict] = []
    for name in dict.fromkeys((*shop, *bng)):
        winner, is_conflict = _winner(name, common, shop, bng, owners)
        if winner == SHOP:
            to_bng[name] = shop[name]
        elif winner == BNG:
            to_shop[name] = bng[name]
        if is_conflict:
            conflicts.append(Conflict(name, shop[name], bng[name], winner))
    return Merged(to_bng, to_shop, tuple(conflicts))


def shows_nothing_new(common: Common, side: Document, *, of: str) -> bool:
    """Whether a side shows only what was common the last time: an echo of our own write, or a change of something else."""
    known = common.shop if of == SHOP else common.bng
    return not any(_has_changed(name, side, known) for name in side)


def after_bng(common: Common, shop: Document, bng: Document, merged: Merged, written: Document) -> Common:
    """The common state once BNG has `to_bng`, `written` being how it then looks.

    Of the other fields that counts which was compared, not what stands there now: it may have been changed since, and that
    must be seen yet. What the shop is still to be told of is not known of BNG: whatever stands there then is news.
    """
    seen = _without({**common.bng, **bng}, merged.to_shop) | _of(written, merged.to_bng)
    return Common({**common.shop, **shop}, seen)


def after_shop(common: Common, shop: Document, bng: Document, merged: Merged, written: Document) -> Common:
    """The same once the shop has `to_shop`."""
    seen = _without({**common.shop, **shop}, merged.to_bng) | _of(written, set(merged.to_shop) & set(written))
    return Common(seen, {**common.bng, **bng})


def is_same(one: Any, other: Any) -> bool:
    """Nothing, an empty text and an address of empty parts are the same; so are 1 and 1.0."""
    return decimal_json.canonical([_plain(one)]) == decimal_json.canonical([_plain(other)])


def _winner(name: str, common: Common, shop: Document, bng: Document, owners: Mapping[str, str]) -> tuple[str, bool]:
    """Whose value has to go to the other side, '' where neither has to; and whether the other one is lost by that."""
    if name in shop and is_same(shop[name], bng.get(name)):
        return "", False
    by_shop = name in shop and _has_changed(name, shop, common.shop)
    by_bng = name in bng and _has_changed(name, bng, common.bng)
    if not (by_shop and by_bng):
        return SHOP if by_shop else BNG if by_bng else "", False
    if name not in common.shop and name not in common.bng:
        for side, other, winner in ((shop, bng, BNG), (bng, shop, SHOP)):
            if _plain(side[name]) is None and _plain(other[name]) is not None:
                return winner, False
    return owners.get(name, SHOP), True


def _has_changed(name: str, side: Document, known: Document) -> bool:
    return name not in known or not is_same(side[name], known[name])


def _without(document: Document, names: Collection[str]) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def _of(document: Document, names: Collection[str]) -> Document:
    return {name: document.get(name) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: part for name, each in value.items() if (part := _plain(each)) is not None} or None
    return None if value in ("", []) else value
