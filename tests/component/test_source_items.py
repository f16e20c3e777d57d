"""The stock writes of a site share calls: who goes with whom, who gets which error, and what is known of a lost answer.

Against the sandbox shop through `deliver`; what takes minutes, in simulated time against a shop that a test plays.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sized
from decimal import Decimal
from typing import Any

import pytest
from tests.support.bridge import Clock, giving, site, until
from tests.support.shop import ShopRig
from tests.support.simulated import run_simulated

from bng_bridge import intents
from bng_bridge.deliver import Deliver, Result
from bng_bridge.magento import source_items
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.source_items import SourceItems
from bng_bridge.magento.target import MagentoTarget, source_reference
from bng_bridge.magento.transport import RequestState
from bng_bridge.store import Store
from bng_bridge.target import Target, Write
from bridge_common.errors import (
    BridgeError,
    OutcomeUnknown,
    QuietPeriod,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
)
from bridge_common.http import Answer

POST = "POST /rest/{store}/V1/inventory/source-items"
SKUS = ("LAMP/DESK 1", "MUG-WHITE", "NUT+M4", "POT 12CM", "TEE-L", "TEE-S")
Ends = list[Result | BaseException]


class Stock:
    """Writes through one `deliver`, as the flow asks for them. Each number is a quantity nothing else writes."""

    def __init__(self, shop: ShopRig, store: Store) -> None:
        self.shop = shop
        self.target: Target = shop.target
        self._deliver = Deliver(store, lambda _write: self.target)

    async def set(self, sku: str, quantity: int, source_code: str = "default") -> Result:
        reference = source_reference(sku, source_code)
        write = Write(
            "magento", "source_item", "shop1", f"shop1/stock/{reference}/source_item", f"shop1/stock/{reference}",
            reference, absolute=True,
        )  # fmt: skip
        body = {"sku": sku, "source_code": source_code, "quantity": Decimal(quantity), "status": 1}
        return await self._deliver(1, write, giving(body))

    async def together(self, quantity: int, *, bad: tuple[str, ...] = (), **fault: Any) -> Ends:
        """One call is under way while the others come; then the one that they share meets the fault.

        `bad` ones name a source that the shop does not have.
        """
        transport, waiting = self.shop.transport, self._waiting()
        before = len(transport.request_ids)
        held = await self.shop.fault("latency", method="POST", path="/source-items$", seconds=60)
        first = asyncio.create_task(self.set("TEE", quantity))
        await until("the first is under way", lambda: len(transport.request_ids) > before)
        sources = {sku: "nope" if sku in bad else "default" for sku in SKUS}
        others = [asyncio.create_task(self.set(sku, quantity, source)) for sku, source in sources.items()]
        await until("the others wait", lambda: len(waiting) == len(SKUS))
        if fault:
            await self.shop.fault(method="POST", path="/source-items$", **fault)
        await self.shop.admin("POST", f"/faults/{held}/release")
        await first
        return list(await asyncio.gather(*others, return_exceptions=True))

    def _waiting(self) -> Sized:
        assert isinstance(self.target, MagentoTarget)
        return self.target._source_items._waiting  # noqa: SLF001

    async def quantities(self) -> dict[str, Any]:
        rows = (await self.shop.admin("GET", "/book"))["source_items"]
        return {row["sku"]: row["quantity"] for row in rows if row["sku"] in SKUS}


@pytest.fixture
async def stock(shop: ShopRig, store: Store) -> Stock:
    return Stock(shop, store)


def kinds(ends: Ends) -> list[str]:
    return [end.action if isinstance(end, Result) else type(end).__name__ for end in ends]


@pytest.mark.integration
async def test_those_that_come_while_a_call_is_under_way_go_together_in_the_next(stock: Stock, shop: ShopRig) -> None:
    before = await shop.calls(POST)
    ends = await stock.together(101)
    assert kinds(ends) == ["updated"] * len(SKUS)
    assert await shop.calls(POST) == before + 2
    assert await stock.quantities() == dict.fromkeys(SKUS, 101)


@pytest.mark.integration
async def test_a_write_that_comes_alone_goes_at_once_and_under_its_own_id(stock: Stock, store: Store) -> None:
    await stock.shop.fault("cut_after", method="POST", path="/source-items$")
    with pytest.raises(OutcomeUnknown):
        await stock.set("MUG-WHITE", 102)
    assert [intent.request_id for intent in intents.all_open(store.read)] == stock.shop.transport.request_ids[-1:]


@pytest.mark.integration
async def test_no_call_has_more_than_its_most(stock: Stock, shop: ShopRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_items, "MOST", 4)
    stock.target = MagentoTarget(shop.client)
    before = await shop.calls(POST)
    await stock.together(103)
    assert await shop.calls(POST) == before + 3
    assert await stock.quantities() == dict.fromkeys(SKUS, 103)


@pytest.mark.integration
async def test_an_item_that_fails_the_whole_call_is_found_and_the_others_are_written(
    stock: Stock, shop: ShopRig, store: Store
) -> None:
    await stock.together(104)
    before = await shop.calls(POST)
    ends = await stock.together(105, bad=("NUT+M4",))
    assert kinds(ends) == ["updated", "updated", "OutcomeUnknown", "updated", "updated", "updated"]
    assert await stock.quantities() == {**dict.fromkeys(SKUS, 105), "NUT+M4": 104}
    assert await shop.calls(POST) <= before + 1 + 1 + 2 * 3
    assert [intent.body["source_code"] for intent in intents.all_open(store.read)] == ["nope"]


@pytest.mark.integration
@pytest.mark.parametrize("status", [400, 404, 413, 500])
async def test_a_refusal_of_several_is_no_one_s_own(stock: Stock, store: Store, status: int) -> None:
    """It may be the company, or the size of the body."""
    assert kinds(await stock.together(200 + status, kind="status", status=status)) == ["updated"] * len(SKUS)
    assert intents.all_open(store.read) == []


@pytest.mark.integration
async def test_a_refusal_of_one_is_its_own(stock: Stock, store: Store) -> None:
    await stock.shop.fault("status", method="POST", path="/source-items$", status=400)
    with pytest.raises(RejectedByTarget, match="answered 400"):
        await stock.set("MUG-WHITE", 106)
    assert intents.all_open(store.read) == []


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_a_call_that_is_not_answered_leaves_every_one_of_it_unknown(
    stock: Stock, store: Store, clock: Clock, kind: str
) -> None:
    ends = await stock.together(107, kind=kind)
    assert kinds(ends) == ["OutcomeUnknown"] * len(SKUS)
    assert len(intents.all_open(store.read)) == len(SKUS)
    for sku in SKUS:
        with pytest.raises(QuietPeriod):
            await stock.set(sku, 108)
    clock.advance(stock.target.quiet_s() + 1)
    for sku in SKUS:
        await stock.set(sku, 108)
    assert await stock.quantities() == dict.fromkeys(SKUS, 108)
    assert intents.all_open(store.read) == []


@pytest.mark.integration
@pytest.mark.parametrize("status", [200, 400])
async def test_what_the_agent_knows_of_the_call_it_knows_of_each_of_it(
    stock: Stock, store: Store, clock: Clock, status: int
) -> None:
    await stock.together(109, kind="cut_after")
    call_id = stock.shop.transport.request_ids[-1]
    assert call_id not in {intent.request_id for intent in intents.all_open(store.read)}
    stock.shop.transport.states[call_id] = RequestState("done", {"status": status})
    for sku in SKUS:
        await stock.set(sku, 110)
    assert await stock.quantities() == dict.fromkeys(SKUS, 110)
    assert clock.now == Clock().now


@pytest.mark.integration
async def test_after_a_restart_that_the_agent_never_saw_an_id_proves_nothing(
    stock: Stock, store: Store, clock: Clock
) -> None:
    await stock.together(111, kind="cut_after")
    stock.shop.transport.states[stock.shop.transport.request_ids[-1]] = RequestState("done", {"status": 200})
    for intent in intents.all_open(store.read):
        stock.shop.transport.states[intent.request_id] = RequestState("unknown", None)
    stock.target = MagentoTarget(stock.shop.client)
    with pytest.raises(QuietPeriod):
        await stock.set("MUG-WHITE", 112)


@pytest.mark.integration
async def test_a_call_that_was_refused_leaves_no_intent(stock: Stock, store: Store) -> None:
    await stock.shop.fault("status", method="POST", path="/source-items$", status=429, retry_after="0.1")
    with pytest.raises(RateLimited):
        await stock.set("MUG-WHITE", 113)
    assert intents.all_open(store.read) == []


@pytest.mark.integration
async def test_a_shop_in_maintenance_is_waited_for_and_no_one_counts_an_attempt(stock: Stock, store: Store) -> None:
    await stock.shop.fault("maintenance")
    ends = await asyncio.gather(*(stock.set(sku, 114) for sku in SKUS), return_exceptions=True)
    assert kinds(list(ends)) == ["TargetPaused"] * len(SKUS)
    assert stock.shop.client.throttle.state().endswith("maintenance mode")
    assert intents.all_open(store.read) == []
    await stock.shop.clear_faults()
    await until("the shop is asked again", lambda: stock.shop.client.throttle.room() == 1)
    await stock.set("MUG-WHITE", 114)
    assert stock.shop.client.throttle.state() == "open"


# In simulated time: a shop that answers as a test says


class Shop:
    """`answers` gives the status for the SKUs of a call, which takes `seconds`; an exception is raised."""

    def __init__(self, answers: Callable[[list[str]], int | Exception], *, seconds: float = 1.0, **config: Any) -> None:
        self.client = MagentoClient("shop1", site(**config), self)
        self.items = SourceItems(self.client)
        self.calls: list[list[str]] = []
        self.ended_at_s = 0.0
        self._answers = answers
        self._seconds = seconds

    async def request(self, method: str, path: str, *, body: Any = None, timeout_s: float, **_rest: Any) -> Answer:
        skus = [item["sku"] for item in body["sourceItems"]]
        self.calls.append(skus)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.sleep(self._seconds)
        except TimeoutError as error:
            raise OutcomeUnknown("no answer in time") from error
        finally:
            self.ended_at_s = asyncio.get_running_loop().time()
        answer = self._answers(skus)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, [] if answer == 200 else {"message": "no"})

    async def amend(self, *_arguments: Any, **_options: Any) -> Answer | None:
        raise NotImplementedError

    async def state_of(self, request_id: str) -> RequestState | None:
        return None

    async def put(self, sku: str) -> str:
        try:
            async with self.items.place(sku):
                await asyncio.sleep(0.01)  # the intent
                await self.items.write(sku, {"sku": sku}, f"id-{sku}")
        except BridgeError as error:
            return error.kind
        return "written"

    async def put_all(self, count: int) -> list[str]:
        return list(await asyncio.gather(*(self.put(f"S{number}") for number in range(count))))


def one_after_the_other(*answers: int | Exception) -> Callable[[list[str]], int | Exception]:
    following = iter(answers)
    return lambda _skus: next(following)


def test_everything_ends_within_the_time_that_the_quiet_period_counts_on() -> None:
    async def body() -> None:
        shop = Shop(lambda skus: 400, seconds=7, timeout_s=30)
        assert set(await shop.put_all(32)) == {"TargetPaused"}
        assert len(shop.calls) == 3
        shop = Shop(lambda skus: 400, seconds=19, timeout_s=30)
        began_at_s = asyncio.get_running_loop().time()
        assert await shop.put_all(4) == ["OutcomeUnknown"] * 2 + ["TargetPaused"] * 2
        assert shop.ended_at_s - began_at_s <= 30.1

    run_simulated(body())


def test_a_slow_shop_gets_smaller_calls_until_the_bad_one_is_alone() -> None:
    async def body() -> None:
        bad = {"S5"}
        shop = Shop(lambda skus: 400 if bad & set(skus) else 200, seconds=12, timeout_s=30)
        left = {f"S{number}": "" for number in range(16)}
        ends: dict[str, str] = {}
        while left:
            found = dict(zip(left, await asyncio.gather(*map(shop.put, left)), strict=True))
            ends |= found
            left = {sku: end for sku, end in found.items() if end == "TargetPaused"}
        assert {sku for sku, end in ends.items() if end == "RejectedByTarget"} == {"S5"}
        assert list(ends.values()).count("written") == 15
        bad.clear()
        await shop.put_all(50)
        assert max(map(len, shop.calls[-5:])) > 16, "and larger ones again when all is well"

    run_simulated(body())


def test_what_follows_a_lost_answer_is_not_sent() -> None:
    async def body() -> None:
        shop = Shop(one_after_the_other(400, OutcomeUnknown("cut")))
        assert await shop.put_all(4) == ["OutcomeUnknown"] * 2 + ["TargetPaused"] * 2
        assert shop.calls == [["S0", "S1", "S2", "S3"], ["S0", "S1"]]

    run_simulated(body())


def test_what_an_answer_left_open_stays_open_when_the_next_call_is_not_executed() -> None:
    """A 500 may come after the commit: what was written then is not known to be undone."""

    async def body() -> None:
        open_outcome, refusal = (
            one_after_the_other(500, RateLimited("429")),
            one_after_the_other(400, RateLimited("429")),
        )
        assert await Shop(open_outcome).put_all(4) == ["OutcomeUnknown"] * 4
        assert await Shop(refusal).put_all(4) == ["RateLimited"] * 2 + ["TargetPaused"] * 2

    run_simulated(body())


def test_each_of_several_bad_ones_gets_its_own_refusal() -> None:
    async def body() -> None:
        bad = {"S3", "S4", "S17"}
        shop = Shop(lambda skus: 400 if bad & set(skus) else 200, seconds=0.1)
        ends = await shop.put_all(20)
        assert {f"S{number}" for number, end in enumerate(ends) if end == "RejectedByTarget"} == bad
        assert ends.count("written") == 17

    run_simulated(body())


@pytest.mark.parametrize(
    ("after_s", "who"),
    [(0.005, "first"), (0.5, "first"), (0.5, "S0"), (1.015, "S0"), (1.5, "S0")],
    ids=["its place given", "in its call", "waiting", "its place given among others", "in a call with others"],
)
def test_one_that_is_cut_off_holds_up_nobody(after_s: float, who: str) -> None:
    async def body() -> None:
        shop = Shop(lambda skus: 200)
        puts = {"first": asyncio.create_task(shop.put("first"))}
        await asyncio.sleep(0)
        puts |= {sku: asyncio.create_task(shop.put(sku)) for sku in ("S0", "S1", "S2")}
        await asyncio.sleep(after_s)
        puts[who].cancel()
        async with asyncio.timeout(10):
            ends = await asyncio.gather(*puts.values(), return_exceptions=True)
            assert [end for end in ends if isinstance(end, str)] == ["written"] * 3
            assert await shop.put(who) == "written"

    run_simulated(body())


def test_a_closed_shop_gives_no_places() -> None:
    async def body() -> None:
        shop = Shop(lambda skus: 200)
        shop.client.throttle.hold("upgrade")
        assert await shop.put_all(3) == ["TargetPaused"] * 3
        assert shop.calls == []
        shop.client.throttle.release()
        assert await shop.put("S1") == "written"

    run_simulated(body())


def test_a_shop_that_is_away_uses_up_no_attempts() -> None:
    async def body() -> None:
        shop = Shop(lambda skus: OutcomeUnknown("cut"))
        ends = [await shop.put("S1") for _ in range(8)]
        assert ends == ["OutcomeUnknown"] * 4 + ["TargetPaused"] * 4

    run_simulated(body())


def test_places_that_are_given_up_are_no_answer_of_the_shop() -> None:
    async def give_up(shop: Shop) -> None:
        with contextlib.suppress(QuietPeriod):
            async with shop.items.place("S2"):
                raise QuietPeriod("not now")
        await asyncio.sleep(0)

    async def body() -> None:
        shop = Shop(lambda skus: OutcomeUnknown("cut"))
        ends = []
        for _ in range(6):
            ends.append(await shop.put("S1"))
            with contextlib.suppress(TargetPaused):
                await give_up(shop)
        assert ends == ["OutcomeUnknown"] * 4 + ["TargetPaused"] * 2

    run_simulated(body())


def test_a_bug_reaches_those_who_wait_and_the_next_are_served() -> None:
    async def body() -> None:
        shop = Shop(one_after_the_other(TypeError("a bug"), 200))
        with pytest.raises(TypeError, match="a bug"):
            await shop.put("S1")
        assert await shop.put("S1") == "written"

    run_simulated(body())
