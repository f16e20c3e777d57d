"""Which orders go out, by state and payment method: sent, held on a list of their own, or left out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import event, site, until
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import order

from bng_bridge import inbox, intents, policy_waits, worker
from bng_bridge.flows.keys import sales_order_key
from bng_bridge.flows.registry import run_flow
from bng_bridge.intents import Intent
from bng_bridge.worker import Worker
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import HeldByPolicy

UNPAID = {"action": "hold", "methods": ["banktransfer"], "states": ["new", "pending_payment"], "longest_days": 14}
RULES = {
    "staff": {"action": "send", "methods": ["purchaseorder"]},
    "unpaid": UNPAID,
    "review": {"action": "hold", "states": ["payment_review"]},
    "never": {"action": "skip", "methods": ["checkmo"]},
}


def paid_by(method: str, state: str = "new", **changes: Any) -> dict[str, Any]:
    return order(state=state, payment={"method": method}, **changes)


@asynccontextmanager
async def rig_with(folder: Path, rules: dict[str, Any] | None = None) -> AsyncIterator[FlowRig]:
    async with flow_rig(folder, sites={"shop1": site(export=RULES if rules is None else rules)}) as rig:
        yield rig


async def at_bng(rig: FlowRig) -> list[str]:
    return [each["ExternalID"] for each in await rig.bng.records("sales_orders")]


async def test_the_first_rule_that_fits_says_what_becomes_of_an_order(tmp_path: Path) -> None:
    async with rig_with(tmp_path) as rig:
        skipped = await rig.order(paid_by("checkmo"))
        assert (skipped.state, skipped.reason) == ("skipped", "export rule never: checkmo, new")
        with pytest.raises(
            HeldByPolicy, match="order 000000074 waits by export rule unpaid: banktransfer, new"
        ) as held:
            await rig.order(paid_by("banktransfer"))
        assert (held.value.rule, held.value.longest_s) == ("unpaid", 14 * 86400)
        assert "[sites.shop1.export.unpaid]" in held.value.hint
        with pytest.raises(HeldByPolicy, match="export rule review: checkmo, payment_review"):
            await rig.order(paid_by("checkmo", "payment_review"))
        assert await at_bng(rig) == []
        assert (await rig.order(paid_by("purchaseorder", "payment_review"))).state == "done"
        assert await at_bng(rig) == ["shop1-74"]


async def test_without_a_rule_that_fits_an_order_is_sent(tmp_path: Path) -> None:
    async with rig_with(tmp_path) as rig:
        assert (await rig.order(paid_by("banktransfer", "processing"))).state == "done"
        assert await at_bng(rig) == ["shop1-74"]


async def test_what_bng_has_is_kept_up_to_date_whatever_the_rules_say(tmp_path: Path) -> None:
    async with rig_with(tmp_path) as rig:
        await rig.order(paid_by("banktransfer", "processing"))
        assert (await rig.order(paid_by("banktransfer", "holded"))).state == "done"
        (made,) = await rig.bng.records("sales_orders")
        assert made["OrderStatus"] == 30


async def test_an_order_that_may_be_on_its_way_is_followed_to_its_end(tmp_path: Path) -> None:
    """Held, a write of it that is under way would have an unknown outcome for weeks."""
    async with rig_with(tmp_path) as rig:
        key = sales_order_key("shop1", "74")
        intent = Intent(key, 1, "bng", "sales_order", {}, "d", "r", to_text(utc_now()))
        await rig.store.write(lambda db: intents.open_intent(db, intent, to_text(utc_now())))
        assert (await rig.order(paid_by("banktransfer"))).state == "done"
        assert intents.all_open(rig.store.read) == []


async def test_an_order_that_is_cancelled_while_it_waits_is_not_sent_where_a_rule_says_so(tmp_path: Path) -> None:
    rules = {"unpaid": UNPAID, "cancelled": {"action": "skip", "states": ["canceled"]}}
    async with rig_with(tmp_path, rules) as rig:
        with pytest.raises(HeldByPolicy):
            await rig.order(paid_by("banktransfer"))
        assert (await rig.order(paid_by("banktransfer", "canceled"))).state == "skipped"
        assert await at_bng(rig) == []


# ── through the worker ──


class Clock:
    def __init__(self) -> None:
        self.at = utc_now() + timedelta(minutes=1)
        self.is_off = False

    def now(self) -> Any:
        return self.at


@asynccontextmanager
async def working(rig: FlowRig, clock: Clock) -> AsyncIterator[None]:
    stop = asyncio.Event()
    made = Worker(rig.store, partial(run_flow, context=rig.context), slots=2, clock=clock)  # type: ignore[arg-type]
    task = asyncio.create_task(made.run(stop))
    try:
        yield
    finally:
        stop.set()
        made.wake()
        await task


async def put(rig: FlowRig, number: int, document: dict[str, Any]) -> None:
    told = event(number, entity_id=str(document["entity_id"]), data=document)
    await rig.store.write(lambda db: inbox.put_events(db, [told], to_text(utc_now())))


def newest(rig: FlowRig) -> dict[str, Any]:
    return dict(rig.store.read.execute("SELECT * FROM inbox ORDER BY seq DESC LIMIT 1").fetchone())


def held(rig: FlowRig) -> list[dict[str, Any]]:
    return policy_waits.waiting(rig.store.read, 10)


async def test_a_held_order_waits_uncounted_on_its_own_list_since_it_was_first_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(worker, "utc_now", clock.now)
    async with rig_with(tmp_path) as rig:
        await put(rig, 1, paid_by("banktransfer"))
        async with working(rig, clock):
            await until("it is held", lambda: held(rig))
        (first,) = held(rig)
        assert (first["rule"], first["site"], first["since"]) == ("unpaid", "shop1", to_text(clock.at))
        assert (newest(rig)["attempts"], newest(rig)["run_at"] > to_text(clock.at + timedelta(minutes=30))) == (0, True)
        # It is out of what is counted as a backlog.
        assert [row["events"] for row in inbox.select(rig.store.read, "counts")] == []
        assert inbox.select(rig.store.read, "queue", limit=10) == []
        # A comment on the order is a new event, and no new wait.
        clock.at += timedelta(days=3)
        await put(rig, 2, paid_by("banktransfer", updated_at="2026-03-05 10:00:00"))
        async with working(rig, clock):
            await until("the new one is held", lambda: [each for each in held(rig) if each["seq"] == 2])
        assert [each["since"] for each in held(rig)] == [first["since"]]
        # Paid: it goes out, and is on no list.
        await put(rig, 3, paid_by("banktransfer", "processing"))
        async with working(rig, clock):
            await until("it is done", lambda: newest(rig)["state"] == "done")
        assert (held(rig), await at_bng(rig)) == ([], ["shop1-74"])
        assert rig.store.read.execute("SELECT count(*) FROM policy_wait").fetchone()[0] == 0


async def test_an_order_that_is_never_paid_is_given_up_with_the_reason_and_gets_its_time_again_when_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(worker, "utc_now", clock.now)
    async with rig_with(tmp_path) as rig:
        await put(rig, 1, paid_by("banktransfer"))
        async with working(rig, clock):
            await until("it is held", lambda: held(rig))
        clock.at += timedelta(days=14)
        await put(rig, 2, paid_by("banktransfer", updated_at="2026-03-16 10:00:00"))
        async with working(rig, clock):
            await until("it is given up", lambda: newest(rig)["state"] == "dead")
        letter = newest(rig)
        assert letter["reason"] == "order 000000074 waits by export rule unpaid: banktransfer, new"
        assert letter["hint"].startswith("Given up after 14 days under rule unpaid.")
        assert f"bridgectl dlq retry {letter['seq']}" in letter["hint"]
        assert "unpaid" in letter["cause"]


async def test_a_requeued_wait_begins_anew(tmp_path: Path) -> None:
    async with rig_with(tmp_path) as rig:
        document = paid_by("banktransfer")
        claimed = rig.claimed("order", "74", document, requeued_at="2026-03-20T00:00:00.000000Z")
        early, late = "2026-03-01T00:00:00.000000Z", "2026-03-20T00:00:01.000000Z"
        await rig.store.write(lambda db: policy_waits.note(db, rig.claimed("order", "74", document), "unpaid", early))
        await rig.store.write(lambda db: policy_waits.note(db, claimed, "unpaid", late))
        assert (
            to_text(policy_waits.since(rig.store.read, rig.claimed("order", "74", document), "unpaid") or utc_now())
            == late
        )
