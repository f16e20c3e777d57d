"""The load of a chaos run: what people do to each order, each customer and the stock, and when.

A pure function of the seed. Each order lives one story, so that what both sides must show at its end is never a matter
of who was faster: either the shop decides about it, or BNG does. Revisions go into streets and names, so that a record's
history tells whether an older state came after a newer one.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from bridge_sandbox.catalogue import STOCKED
from bridge_sandbox.trade import KINDS

CUSTOMERS = 8
LEAVERS = 6
"""Customers who come, order and go again; their numbers are above the others'."""
CUSTOMER_SHARE = 0.14
STOCK_SHARE = 0.12
LAST_CHECKOUT = 0.88
"""Of the time; what is ordered later has no time left for its story."""
SHARE_REGISTERED = 0.5
SHARE_SLOW_COMMIT = 0.03
FAMILY = 3
"""That many orders in a row are, where guests place them, from one address, and often all at once."""
SHARE_APART = 0.4


@dataclass(frozen=True)
class Act:
    """One thing somebody does, not before `at_s` seconds after the start, and after the act before it."""

    at_s: float
    kind: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """What happens to one order, one customer or one SKU, in this order."""

    name: str
    acts: tuple[Act, ...]


def make_stories(
    rng: random.Random, seconds: float, per_s: float, leave_out: Collection[str] = ()
) -> tuple[Story, ...]:
    """So many that about `per_s` things are done each second, acts of the kinds `leave_out` not among them."""
    wanted = round(seconds * per_s)
    stories = [*customer_stories(rng, seconds, round(wanted * CUSTOMER_SHARE))]
    stories += stock_stories(rng, seconds, round(wanted * STOCK_SHARE))
    stories += [leaver_story(rng, CUSTOMERS + number, seconds) for number in range(LEAVERS)]
    stories = [without(leave_out, story) for story in stories]
    left = wanted - sum(len(story.acts) for story in stories)
    number = 0
    at_s = 0.0
    while left > 0:
        if number % FAMILY == 0 or rng.random() < SHARE_APART:
            at_s = rng.uniform(0, LAST_CHECKOUT * seconds)
        story = without(leave_out, order_story(rng, number, at_s, seconds))
        stories.append(story)
        left -= len(story.acts)
        number += 1
    return tuple(stories)


def without(kinds: Collection[str], story: Story) -> Story:
    return Story(story.name, tuple(act for act in story.acts if act.kind not in kinds))


def customer_stories(rng: random.Random, seconds: float, edits: int) -> list[Story]:
    """Each customer changes own data again and again."""
    times: list[list[float]] = [[] for _ in range(CUSTOMERS)]
    for _ in range(edits):
        rng.choice(times).append(rng.uniform(2, seconds))
    return [
        Story(
            f"customer {number}",
            tuple(customer_edit(rng, number, revision, at_s) for revision, at_s in enumerate(sorted(each), 1)),
        )
        for number, each in enumerate(times)
    ]


def customer_edit(rng: random.Random, number: int, revision: int, at_s: float) -> Act:
    fields: dict[str, Any] = {"lastname": f"Prüfer-{number} rev{revision}"}
    if rng.random() < 0.3:
        fields["email"] = f"buyer{number}.rev{revision}@example.com"
    if rng.random() < 0.4:
        fields["addresses"] = [customer_address(number, revision)]
    return Act(at_s, "edit_customer", {"customer": number, "fields": fields})


def leaver_story(rng: random.Random, number: int, seconds: float) -> Story:
    """Registers, orders, perhaps marries, and is deleted, often at once; the order goes on without its customer."""
    at_s = rng.uniform(0, LAST_CHECKOUT * seconds)
    order = {"kind": rng.choice(KINDS), "second_update_delay_s": rng.choice((0.2, 1, 2)), "customer": number}
    married = [("edit_customer", {"customer": number, "fields": {"lastname": f"Prüfer-{number} rev1"}})]
    plot: list[tuple[str, dict[str, Any]]] = [
        *(married if rng.random() < 0.5 else []),
        ("delete_customer", {"customer": number}),
        *moves(rng, 1),
    ]
    acts = [Act(at_s, "register", {"customer": number}), Act(at_s, "checkout", order)]
    for kind, args in plot:
        at_s = min(at_s + rng.choice((0.0, 0.2, 1.0, 6.0)), seconds)
        acts.append(Act(at_s, kind, args))
    return Story(f"leaver {number}", tuple(acts))


def customer_address(number: int, revision: int) -> dict[str, Any]:
    return {
        "firstname": "Zoë",
        "lastname": f"Prüfer-{number}",
        "street": [f"Kundenweg {number}, rev{revision}"],
        "city": "Köln",
        "postcode": "50667",
        "country_id": "DE",
        "region": {"region": "Nordrhein-Westfalen", "region_id": 88},
        "telephone": "+49 221 5550123",
        "default_billing": True,
        "default_shipping": True,
    }


def stock_stories(rng: random.Random, seconds: float, counts: int) -> list[Story]:
    """BNG's people count the shelves."""
    acts: dict[str, list[Act]] = {product.sku: [] for product in STOCKED}
    for at_s in sorted(rng.uniform(1, seconds) for _ in range(counts)):
        sku = rng.choice(STOCKED).sku
        acts[sku].append(Act(at_s, "count_stock", {"sku": sku, "on_hand": rng.randrange(50_000, 90_000)}))
    return [Story(f"stock {sku}", tuple(each)) for sku, each in acts.items()]


def order_story(rng: random.Random, number: int, at_s: float, seconds: float) -> Story:
    """From the checkout to the end that this order's kind of story has."""
    acts = [Act(at_s, "checkout", checkout_args(rng, number))]
    for kind, args in rng.choices(PLOTS, [weight for weight, _ in WEIGHED])[0](rng):
        at_s = min(at_s + 0.3 + rng.expovariate(1 / 5), seconds)
        acts.append(Act(at_s, kind, args))
    return Story(f"order {number}", tuple(acts))


def checkout_args(rng: random.Random, number: int) -> dict[str, Any]:
    args: dict[str, Any] = {"kind": KINDS[number % len(KINDS)], "second_update_delay_s": rng.choice((0.2, 1, 2))}
    if rng.random() < SHARE_SLOW_COMMIT:
        args["hold_s"] = round(rng.uniform(0.5, 1.5), 2)
    if rng.random() < SHARE_REGISTERED:
        return args | {"customer": rng.randrange(CUSTOMERS)}
    return args | {"guest_email": f"guest{number // FAMILY}@example.com"}


def plain(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """The buyer moves house, once or twice, and somebody makes a note."""
    notes: list[tuple[str, dict[str, Any]]] = [("comment", {})] if rng.random() < 0.4 else []
    return [*moves(rng, 1), *notes, *moves(rng, 2)]


def held(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """Put on hold in the shop, and mostly let go."""
    released = [("unhold", {}), *moves(rng, 1)] if rng.random() < 0.7 else []
    return [("hold", {}), *released]


def cancelled(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    return [*moves(rng, 1), ("cancel", {})]


def replaced(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """Edited in the shop's admin: cancelled, and a new order in its place, which may move on."""
    return [("edit", {}), *moves(rng, 1)]


def shipped(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """BNG ships it, often in parts, and the address is corrected in between."""
    part = [("ship_part", {"boxes": rng.choice((1, 2))})] if rng.random() < 0.6 else []
    return [*part, *moves(rng, 1), ("ship", {"boxes": rng.choice((1, 1, 2))})]


def steered(rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """BNG decides: it works on it, holds it, lets it go, sometimes cancels it."""
    statuses = rng.choice(((20,), (30, 20), (20, 30, 20), (30,), (90,), (20, 90)))
    return [("set_status", {"status": status}) for status in statuses]


def moves(rng: random.Random, at_least: int) -> list[tuple[str, dict[str, Any]]]:
    """So many changes of address, or one fewer."""
    return [("move", {})] * (at_least - (rng.random() < 0.5))


WEIGHED = ((3, plain), (2, held), (2, cancelled), (1, replaced), (5, shipped), (2, steered))
PLOTS = [plot for _, plot in WEIGHED]
