"""`bridgectl ledger` against the daemon's socket: what scripts rely on, and what a person reads."""

from datetime import UTC, datetime

import pytest
from tests.component.test_admin import Bridge, bridge, passing
from tests.support.bridge import at
from tests.support.ledger import Book, utc

from bridge_common.clock import to_text, utc_now
from bridge_sandbox.bng import samples

__all__ = ["bridge"]

DAY = ("--day", "2026-03-02")
KEYS = {"schema", "verdict", "at", "swept_at", "shops_listed_at", "lines"}
LINE_KEYS = {
    "day", "site", "entity", "source", "target", "verdict", "seen", "applied", "excluded", "waiting", "waiting_since",
    "dead", "missing", "differ", "sums", "bng_totals_from", "listed_at", "trouble",
    "unlisted",
}  # fmt: skip


async def write(bridge: Bridge, **orders: str) -> None:
    """Orders by their ids after an underscore; `_74="applied"`, or listed and nothing else."""

    def commit(book: Book) -> None:
        book.shop_listed()
        for number, what in orders.items():
            book.listed(number[1:])
            if what == "applied":
                book.arrived("done", number[1:])
                book.bound(number[1:])

    await bridge.store.write(lambda db: commit(Book(db)))


async def test_a_complete_day_ends_with_0_and_has_every_key_of_the_schema(bridge: Bridge) -> None:
    await write(bridge, _74="applied")
    ended = await bridge.ctl("ledger", *DAY, "--json")
    answer = ended.json()
    assert (ended.code, answer["schema"], answer["verdict"], answer.keys()) == (0, 1, "complete", KEYS)
    assert [(line["site"], line["entity"]) for line in answer["lines"]] == [
        ("shop1", "order"), ("shop1", "customer"), ("", "shipment"), ("", "stock"), ("", "sales_order"),
    ]  # fmt: skip
    assert answer["shops_listed_at"] == {"shop1": dict.fromkeys(("order", "customer"), utc(2026, 3, 31, 23, 50))}
    line = answer["lines"][0]
    assert line.keys() == LINE_KEYS
    assert (line["seen"], line["applied"], line["excluded"], line["listed_at"]) == (1, 1, {}, at(50))
    assert line["sums"] == [
        {"currency": "EUR", "seen": "28.78", "applied": "28.78", "bng": "28.78", "difference": "0.00"}
    ]
    assert line["bng_totals_from"] == {"sweep": 0, "write": 1}


async def test_what_is_missing_ends_with_1_and_names_the_command(bridge: Bridge) -> None:
    await write(bridge, _74="applied", _75="missing")
    ended = await bridge.ctl("ledger", *DAY)
    assert ended.code == 1
    assert "1 missing" in ended.out
    assert "000000075: missing, the shop has it, and nothing here knows it" in ended.out
    assert "bridgectl resync order 75 --site shop1" in ended.out


async def test_what_waits_is_no_failure(bridge: Bridge) -> None:
    def wait(book: Book) -> None:
        book.listed()
        book.arrived("pending")

    await bridge.store.write(lambda db: wait(Book(db)))
    ended = await bridge.ctl("ledger", *DAY)
    assert (ended.code, "1 waiting, the oldest since 2026-03-02 12:00:00 UTC" in ended.out) == (0, True)


async def test_totals_that_differ_end_with_1_and_show_both(bridge: Bridge) -> None:
    def differ(book: Book) -> None:
        book.listed()
        book.bound(total="28.79")

    await bridge.store.write(lambda db: differ(Book(db)))
    ended = await bridge.ctl("ledger", *DAY)
    assert (ended.code, "28.78 EUR, BNG 28.79" in ended.out) == (1, True)
    assert "000000074: differs, 28.78 EUR in the shop, 28.79 EUR at BNG" in ended.out


async def test_a_reason_is_shown_with_its_count(bridge: Bridge) -> None:
    def leave_out(book: Book) -> None:
        for number in ("74", "75"):
            book.listed(number)
            book.arrived("skipped", number, reason="before go-live")

    await bridge.store.write(lambda db: leave_out(Book(db)))
    assert "2026-03-02 shop1 order: 2 excluded: before go-live" in (await bridge.ctl("ledger", *DAY)).out


async def test_a_shop_that_was_never_listed_is_said_to_be_so(bridge: Bridge) -> None:
    await bridge.store.write(lambda db: Book(db).arrived("done", data={"created_at": "2026-03-02 10:15:00"}))
    assert "the shop itself was not listed, only what arrived is counted" in (await bridge.ctl("ledger", *DAY)).out


async def test_a_shop_that_was_never_listed_is_no_failure_and_not_complete(bridge: Bridge) -> None:
    """Nothing came, and nothing is missed: nobody has looked."""
    ended = await bridge.ctl("ledger", *DAY)
    assert (ended.code, "unlisted" in ended.out) == (0, True)
    assert "2026-03-02 shop1 customer: the shop itself was not listed" in ended.out
    assert "shop1's own records, last listed: orders never, customers never" in ended.out
    answer = (await bridge.ctl("ledger", *DAY, "--json")).json()
    assert (answer["verdict"], answer["shops_listed_at"]) == ("unlisted", {"shop1": {"order": None, "customer": None}})


async def test_a_shop_that_was_listed_too_early_says_when(bridge: Bridge) -> None:
    early = datetime(2026, 3, 2, 8, tzinfo=UTC)
    await bridge.store.write(lambda db: Book(db).shop_listed(early))
    ended = await bridge.ctl("ledger", *DAY)
    assert ended.code == 0
    assert "2026-03-02 shop1 order: the shop was not listed since 2026-03-02 08:00:00 UTC" in ended.out
    assert "last listed: orders 2026-03-02 08:00:00 UTC" in ended.out


async def test_without_a_day_it_is_today_in_the_shop_s_time_zone(bridge: Bridge) -> None:
    (line, *_) = (await bridge.ctl("ledger", "--json")).json()["lines"]
    assert line["day"] == utc_now().date().isoformat()


async def test_so_many_days_are_a_line_each(bridge: Bridge) -> None:
    lines = (await bridge.ctl("ledger", *DAY, "--days", "3", "--json")).json()["lines"]
    days = [line["day"] for line in lines if line["entity"] == "order"]
    assert days == ["2026-02-28", "2026-03-01", "2026-03-02"]


async def test_fresh_lists_both_sides_first(bridge: Bridge) -> None:
    customer = await bridge.bng.customer()
    headers = {"X-API-Key": "sandbox-key", "Idempotency-Key": "1"}
    order = samples.order(customer, ExternalID="shop1-74")
    async with bridge.bng.session.post(f"{bridge.bng.url}/api/v1/sales-orders", json=order, headers=headers) as answer:
        assert answer.status == 201
    before = (await bridge.ctl("ledger", *DAY, "--json")).json()["swept_at"]
    async with passing(bridge) as manifest:
        fresh = (await bridge.ctl("ledger", *DAY, "--fresh", "--json")).json()["swept_at"]
    assert manifest.report.number == 1
    assert before == {"shipments": None, "sales-orders": None, "customers": None}
    assert all(fresh.values())
    assert (
        bridge.store.read.execute("SELECT name FROM manifest WHERE entity = 'sales_order'").fetchone()[0] == "shop1-74"
    )


async def test_fresh_says_so_when_bng_does_not_answer(bridge: Bridge) -> None:
    await bridge.bng.fault("status", method="GET", status=503, count=0)
    async with passing(bridge):
        ended = await bridge.ctl("ledger", "--fresh")
    assert (ended.code, "answered 503" in ended.err) == (1, True)


async def test_fresh_says_which_shop_could_not_be_listed(bridge: Bridge) -> None:
    bridge.gateway.online = False
    async with passing(bridge):
        ended = await bridge.ctl("ledger", "--fresh")
    assert "shop1 was not listed to the end: the agent of shop1 is offline" in ended.err
    assert ended.code == 1
    assert "shop1's own records, last listed: orders never" in ended.out


async def test_sales_orders_that_bng_lost_degrade_the_status_with_the_remedy(bridge: Bridge) -> None:
    await bridge.store.write(lambda db: Book(db).bound(now=to_text(utc_now())))
    await bridge.running.sweeper.run_once("sales-orders")
    ended = await bridge.ctl("status")
    assert ended.code == 1
    assert "BNG no longer has 1 of our sales orders, such as SO-74 of shop1 order 74" in ended.out
    assert "bridgectl resync order 74 --site shop1" in ended.out


@pytest.mark.parametrize("options", [("--day", "yesterday"), ("--days", "0"), ("--days", "many")])
async def test_what_is_no_day_is_misuse(bridge: Bridge, options: tuple[str, str]) -> None:
    assert (await bridge.ctl("ledger", *options)).code == 64
