"""A shop that was restored or cloned: what is held, which ids are lost, and what records that have them now are called."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from tests.component import test_admin
from tests.component.test_admin import Bridge
from tests.support.bridge import at, claimed

from bng_bridge import bindings, generations, inbox, intents, sites
from bng_bridge.admin.comparison import KINDS, compare
from bng_bridge.bindings import Binding
from bng_bridge.flows import names, operations
from bng_bridge.flows.running import Running
from bng_bridge.inbox import Hint
from bng_bridge.intents import Intent
from bng_bridge.mapping import orders
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import TargetPaused

bridge = test_admin.bridge


def order(order_id: int, life: str = "first") -> dict[str, Any]:
    """As REST lists it; `life` tells two orders of one id and number apart."""
    return {
        "entity_id": order_id, "increment_id": f"{order_id:09d}", "created_at": "2026-01-01 08:00:00",
        "protect_code": life,
    }  # fmt: skip


class Shop:
    """What the agent of the rig reads: the orders and customers that the shop has now."""

    def __init__(self, rig: Bridge) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.customers: dict[int, dict[str, Any]] = {}
        self.hidden: set[int] = set()
        self.asked: list[int] = []
        rig.answers["rest"] = self.answer
        rig.answers["reemit"] = lambda request: {"inserted": request["entities"], "waiting": []}

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """A list without those that an extension hides, or a single record; None is a 404."""
        lists = {"/V1/orders": self.orders, "/V1/customers/search": self.customers}
        if request["path"] not in lists:
            path, _, record_id = request["path"].rpartition("/")
            self.asked.append(int(record_id))
            return {"/V1/orders": self.orders, "/V1/customers": self.customers}[path].get(int(record_id))
        found = lists[request["path"]]
        wanted = set(found)
        for group in itertools.count():
            prefix = f"searchCriteria[filter_groups][{group}][filters][0]"
            if f"{prefix}[field]" not in request["query"]:
                page = sorted(wanted)[: int(request["query"]["searchCriteria[pageSize]"])]
                items = [found[each] for each in page if each not in self.hidden]
                return {"items": items, "total_count": len(wanted)}
            condition, value = request["query"][f"{prefix}[condition_type]"], request["query"][f"{prefix}[value]"]
            if condition == "in":
                wanted &= {int(text) for text in value.split(",")}
            elif condition == "gt":
                wanted = {each for each in wanted if each > int(value)}
        raise AssertionError


@pytest.fixture
def shop(bridge: Bridge) -> Shop:
    return Shop(bridge)


def order_named(bridge: Bridge, order_id: str) -> str:
    return names.order_name(bridge.store.read, "shop1", bridge.running.config.sites["shop1"], order_id)


def customer_named(bridge: Bridge, source_id: str) -> str:
    return names.customer_name(bridge.store.read, "shop1", bridge.running.config.sites["shop1"], source_id)


async def bind(rig: Bridge, *made: Binding) -> None:
    def put(db: Any) -> None:
        for each in made:
            bindings.put(db, each, to_text(utc_now()))

    await rig.store.write(put)


def bound(order_id: int, life: str = "first", **changes: Any) -> Binding:
    key = f"shop1/order/{order_id}/sales_order"
    values: dict[str, Any] = {
        "target_key": key, "site": "shop1", "target": "bng", "entity": "sales_order", "target_id": f"SO-{order_id}",
        "fingerprint": orders.fingerprint(order(order_id, life)), "digest": "digest", "version": "", "facts": {},
    }  # fmt: skip
    return Binding(**{**values, **changes})


async def restored(rig: Bridge) -> dict[str, Any]:
    ended = await rig.ctl("site", "restored", "shop1", "--yes", "--json")
    assert ended.code == 0, ended.err
    answer: dict[str, Any] = ended.json()
    return answer


async def test_ids_above_the_last_common_order_are_lost_and_the_shop_s_new_ones_get_names_of_their_own(
    bridge: Bridge, shop: Shop
) -> None:
    """Of 1 to 5, the backup has 1 to 3; 4 was given again, 6 and 7 are as good as new."""
    await bind(bridge, *(bound(number) for number in (1, 2, 3, 4, 5)))
    shop.orders = {number: order(number) for number in (1, 2, 3)} | {4: order(4, "second")}
    answer = await restored(bridge)
    assert [each["sales_order_id"] for each in answer["lost"]] == ["SO-4", "SO-5"]
    called = [order_named(bridge, str(number)) for number in (3, 4, 5, 6)]
    assert called == ["shop1-3", "shop1-4-r1", "shop1-5-r1", "shop1-6-r1"]
    assert customer_named(bridge, "guest-order-4") == "shop1-guest-order-4-r1"
    assert customer_named(bridge, "guest-0123456789abcdef") == "shop1-guest-0123456789abcdef"
    assert bindings.get(bridge.store.read, "shop1/order/4/sales_order") is None
    assert bindings.by_target(bridge.store.read, "bng", "sales_order", "SO-4") is None
    assert bindings.by_target(bridge.store.read, "bng", "sales_order", "SO-3") is not None
    again = [each for request in bridge.requests if request["operation"] == "reemit" for each in request["entities"]]
    assert {"entity": "order", "entity_id": "4"} in again
    assert {"entity": "order", "entity_id": "5"} not in again


async def test_an_order_that_was_deleted_long_ago_is_not_where_the_loss_begins(bridge: Bridge, shop: Shop) -> None:
    await bind(bridge, *(bound(number) for number in (1, 2, 3)))
    shop.orders = {1: order(1), 3: order(3)}
    assert (await restored(bridge))["lost"] == []
    assert order_named(bridge, "4") == "shop1-4"


async def test_a_shop_that_only_moved_loses_nothing_and_is_pinned(bridge: Bridge, shop: Shop) -> None:
    hello = {"hello": "h", "database_id": "old", "base_url": "https://shop.example.com"}
    await bridge.store.write(lambda db: sites.grant_epoch(db, "shop1", hello, to_text(utc_now())))
    moved = {"database_id": "new", "base_url": "https://shop.example.com"}
    await bridge.running.holds.hold("shop1", "hello", "it says new now", moved)
    await bind(bridge, bound(1))
    shop.orders = {1: order(1)}
    assert (await restored(bridge))["lost"] == []
    assert bridge.presence.refused == ""
    await bridge.store.write(lambda db: sites.grant_epoch(db, "shop1", {**hello, **moved}, to_text(utc_now())))


async def test_an_operator_who_says_no_changes_nothing(bridge: Bridge, shop: Shop) -> None:
    await bridge.running.holds.hold("shop1", "hello", "it says new now", {"database_id": "n", "base_url": "u"})
    ended = await bridge.ctl("site", "restored", "shop1")
    assert ended.code == 1
    assert "Is that the shop, and no clone?" in ended.err
    assert list(sites.holds(bridge.store.read, "shop1")) == ["hello"]


async def test_a_second_restore_makes_a_second_generation(bridge: Bridge, shop: Shop) -> None:
    await bind(bridge, *(bound(number) for number in (1, 2, 3)))
    shop.orders = {1: order(1)}
    await restored(bridge)
    await bind(bridge, bound(2, "second", target_id="SO-22"), bound(3, "second", target_id="SO-33"))
    shop.orders = {1: order(1), 2: order(2, "second"), 3: order(3, "third")}
    answer = await restored(bridge)
    assert [each["sales_order_id"] for each in answer["lost"]] == ["SO-33"]
    called = [order_named(bridge, str(number)) for number in (1, 2, 3)]
    assert called == ["shop1-1", "shop1-2-r1", "shop1-3-r2"]
    assert len((await bridge.ctl("site", "lost", "shop1", "--json")).json()) == 3


async def test_asked_twice_it_does_nothing_the_second_time(bridge: Bridge, shop: Shop) -> None:
    await bind(bridge, *(bound(number) for number in (1, 2)))
    shop.orders = {1: order(1)}
    assert len((await restored(bridge))["lost"]) == 1
    assert (await restored(bridge))["lost"] == []
    assert generations.number(bridge.store.read, "shop1", "order", 2) == 1


async def test_a_write_that_may_be_under_way_for_a_lost_order_counts_as_lost(bridge: Bridge, shop: Shop) -> None:
    await bind(bridge, bound(1))
    fingerprint = orders.fingerprint(order(2))
    intent = Intent("shop1/order/2/sales_order", 1, "bng", "sales_order", {}, "", "r", at(60), fingerprint=fingerprint)
    await bridge.store.write(lambda db: intents.open_intent(db, intent, at(0)))
    shop.orders = {1: order(1), 2: order(2, "second")}
    await restored(bridge)
    assert intents.all_open(bridge.store.read) == []
    assert order_named(bridge, "2") == "shop1-2-r1"


async def test_what_waited_of_a_lost_order_is_closed_and_what_waits_of_its_successor_stays(
    bridge: Bridge, shop: Shop
) -> None:
    await bind(bridge, bound(1), bound(2))
    await bridge.put(1, entity_id="2", data=order(2))
    await bridge.put(2, entity_id="3", data=order(3, "second"))
    shop.orders = {1: order(1), 2: order(2, "second"), 3: order(3, "second")}
    await restored(bridge)
    assert (bridge.state(1), bridge.state(2)) == ("superseded", "pending")


async def test_an_order_that_the_lists_hide_is_not_lost(bridge: Bridge, shop: Shop) -> None:
    """An extension hides the highest: it stays bound, and what waits of it stays."""
    await bind(bridge, *(bound(number) for number in (1, 2, 3)))
    await bridge.put(1, entity_id="3", data=order(3))
    shop.orders = {number: order(number) for number in (1, 2, 3)}
    shop.hidden = {3}
    assert (await restored(bridge))["lost"] == []
    assert bindings.get(bridge.store.read, "shop1/order/3/sales_order") is not None
    assert (bridge.state(1), order_named(bridge, "4")) == ("pending", "shop1-4")


async def test_what_waits_of_a_hidden_order_above_the_lost_ones_is_not_closed(bridge: Bridge, shop: Shop) -> None:
    await bind(bridge, bound(1), bound(2))
    await bridge.put(1, entity_id="3", data=order(3, "second"))
    await bridge.put(2, entity_id="4", data=order(4))
    shop.orders = {1: order(1), 3: order(3, "second")}
    shop.hidden = {3}
    assert [each["sales_order_id"] for each in (await restored(bridge))["lost"]] == ["SO-2"]
    assert (bridge.state(1), bridge.state(2)) == ("pending", "superseded")


async def test_a_hidden_order_amid_a_page_does_not_end_the_comparison(
    bridge: Bridge, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bng_bridge.magento.listing.PAGE_SIZE", 2)
    await bind(bridge, bound(1))
    shop.orders = {number: order(number) for number in range(1, 8)}
    shop.hidden = {3}
    strangers = replace(KINDS[0], fingerprint=lambda _: "of another shop")
    compared = await compare(bridge.running, "shop1", strangers)
    assert set(compared.shown) == {1, 2, 4, 5, 6, 7}


async def test_a_shop_that_cannot_show_an_order_says_nothing_of_its_loss(
    bridge: Bridge, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bng_bridge.ctl.restored.AGENT_LIMIT_S", 0.0)
    await bind(bridge, bound(1), bound(2))
    shop.orders = {1: order(1), 2: {"message": "a page of somebody else"}}
    shop.hidden = {2}
    ended = await bridge.ctl("site", "restored", "shop1", "--yes", "--json")
    assert (ended.code, "/V1/orders/2 answered in another form" in ended.err) == (1, True)
    assert bindings.get(bridge.store.read, "shop1/order/2/sales_order") is not None


async def test_only_what_the_lists_lack_is_asked_for_by_itself(
    bridge: Bridge, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Downwards, until one is the same."""
    monkeypatch.setattr("bng_bridge.admin.comparison.ASKED", 1)
    await bind(bridge, *(bound(number) for number in range(1, 10)))
    shop.orders = {number: order(number) for number in range(1, 8)} | {8: order(8, "second")}
    shop.hidden = {4, 5, 6, 7}
    compared = await compare(bridge.running, "shop1", KINDS[0])
    assert (shop.asked, compared.lost, compared.absent, list(compared.shown)) == ([9, 7], [8, 9], {9}, [8])


async def test_all_that_is_bound_is_read_beside_the_event_loop(
    bridge: Bridge, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[bool] = []

    def all_open(db: Any) -> list[Intent]:
        used.append(db is bridge.store.read)
        return []

    monkeypatch.setattr(intents, "all_open", all_open)
    await compare(bridge.running, "shop1", KINDS[0])
    assert used == [False]


async def test_those_that_died_of_the_change_run_again(bridge: Bridge, shop: Shop) -> None:
    """One is a new order; the other the old one, whose facts somebody has changed in the database."""
    await bind(bridge, *(bound(number) for number in (1, 2, 3)))
    for number, which in ((1, 1), (2, 3)):
        await bridge.put(number, entity_id=str(which), data=order(which, "second"))
        await kill_for_identity(bridge)
    await bridge.put(3, entity_id="9")
    await bridge.kill()
    shop.orders = {1: order(1, "second"), 2: order(2), 3: order(3, "second")}
    await restored(bridge)
    assert [bridge.state(seq) for seq in (1, 2, 3)] == ["pending", "pending", "dead"]
    found = bindings.get(bridge.store.read, "shop1/order/1/sales_order")
    assert found is not None
    assert found.fingerprint == ""


async def test_what_bng_told_of_an_order_that_was_another_one_runs_again(bridge: Bridge, shop: Shop) -> None:
    """The shop's record is the same, says the operator; a letter of another site stays."""
    await bind(bridge, bound(1))
    for number, site in ((1, "shop1"), (2, "shop10")):
        hint = Hint("shipment", f"SH-{number}", f"{site}/order/1", f"bng/shipment/SH-{number}/1", {})
        await bridge.store.write(lambda db, hint=hint: inbox.put_hint(db, hint, to_text(utc_now())))  # type: ignore[misc]
        await kill_for_identity(bridge, f"{site}/order/1/sales_order was one when it was bound and is another now")
    shop.orders = {1: order(1)}
    await restored(bridge)
    assert [bridge.state(seq) for seq in (1, 2)] == ["pending", "dead"]
    found = bindings.get(bridge.store.read, "shop1/order/1/sales_order")
    assert found is not None
    assert found.fingerprint == ""


async def test_what_bng_does_with_a_lost_order_reaches_nobody_s_order(bridge: Bridge, shop: Shop) -> None:
    await bind(bridge, bound(1), bound(2))
    shop.orders = {1: order(1), 2: order(2, "second")}
    await restored(bridge)
    context = bridge.running.context
    running = Running(claimed(source="bng", entity="shipment"), context, context.mappings.current.mappings, "", None)
    lost = await operations.origin(running, {"SalesOrderID": "SO-2", "ExternalID": "shop1-2"})
    assert lost["lost_by"] == "shop1"
    waited_for = await operations.origin(running, {"SalesOrderID": "SO-9", "ExternalID": "shop1-2-r1"})
    assert waited_for == {"lost_by": None, "is_ours": True}


async def test_a_held_site_s_events_wait_uncounted_and_run_at_once_when_it_is_released(bridge: Bridge) -> None:
    holds = bridge.running.holds
    await holds.hold("shop1", "record", "order 4 is another one")
    with pytest.raises(TargetPaused, match="shop1 is held: order 4 is another one") as waits:
        holds.check("shop1")
    assert (waits.value.hint, waits.value.delay_s) == ("bridgectl site restored shop1", 3600)
    holds.check("")
    (alert,) = bridge.running.alerts.active()
    assert alert.key == "identity-changed/shop1"

    await bridge.put(1)
    later = to_text(utc_now().replace(year=2999))
    await bridge.store.write(lambda db: db.execute("UPDATE inbox SET run_at = ?", (later,)).rowcount)
    await holds.release("shop1", "hello")
    assert inbox.next_due(bridge.store.read) == later, "held for another cause still"
    await holds.release("shop1")
    assert (inbox.next_due(bridge.store.read) or later) < later
    assert bridge.running.alerts.active() == []


async def kill_for_identity(rig: Bridge, reason: str = "another record") -> None:
    def die(db: Any) -> None:
        (found,) = inbox.claim(db, to_text(utc_now()), 1)
        inbox.settle(db, found, "dead", started_at=at(1), now=at(2), reason=reason, error_kind="IdentityChanged")

    await rig.store.write(die)
