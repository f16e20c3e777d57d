"""What goes wrong on the way: one entity, the shop, the database, the broker. Nothing is lost, and nothing blocks."""

from aiohttp import web

from .doubles import fake_bridge, until
from .rig import SITE, Rig, bridge_address


async def test_an_entity_that_rest_does_not_show_never_blocks_the_head(rig: Rig) -> None:
    rig.database.note("order", 404)
    for number in range(1, 21):
        rig.shop.put("order", number)
        rig.database.note("order", number)
    async with rig.agent(hydrate_attempts=3):
        await until("all the others arrive", lambda: len({event.entity_id for event in rig.bridge.events}) == 20)
        assert rig.bridge.latest("order", 404) is None
        event = await until("the absent one is told", lambda: rig.bridge.latest("order", 404))
        assert event.kind == "unreadable"
        assert event.data == {"reason": "absent: REST shows no order 404 though its row was written"}
        await until("all rows are deleted", lambda: rig.database.waiting() == [])


async def test_an_absent_order_that_turns_up_in_time_is_a_snapshot(rig: Rig) -> None:
    rig.database.note("order", 7)
    async with rig.agent():
        await until("it was asked for", lambda: [call for call in rig.shop.calls if call[1].endswith("/orders")])
        rig.shop.put("order", 7)
        event = await until("it arrives", lambda: rig.bridge.latest("order", 7))
        assert event.kind == "snapshot"


async def test_one_order_that_breaks_every_search_does_not_spoil_the_others(rig: Rig) -> None:
    rig.shop.broken = {13}
    for number in range(1, 31):
        rig.shop.put("order", number)
        rig.database.note("order", number)
    async with rig.agent(hydrate_attempts=2):
        await until("all rows are deleted", lambda: rig.database.waiting() == [])
        assert {event.entity_id for event in rig.bridge.events if event.kind == "snapshot"} == {
            str(number) for number in range(1, 31) if number != 13
        }
        event = rig.bridge.latest("order", 13)
        assert event is not None
        assert event.kind == "unreadable"
        assert "answered 500" in event.data["reason"]


async def test_a_shop_that_fails_as_a_whole_is_never_held_against_the_orders(rig: Rig) -> None:
    answers = [
        web.json_response({"message": "Internal error"}, status=500),
        web.Response(status=503, text="<html>maintenance", content_type="text/html"),
        web.json_response({"message": "The consumer isn't authorized to access %resources."}, status=401),
        web.Response(status=502, text="<html>bad gateway", content_type="text/html"),
        web.Response(status=200, text="<html>welcome", content_type="text/html"),
    ]
    for answer in answers:
        calls = len(rig.shop.calls)
        async with rig.agent(hydrate_attempts=1):
            await until("the agent is welcomed", lambda: rig.bridge.statuses and rig.bridge.statuses[-1].get("epoch"))
            rig.shop.answer = lambda request, given=answer: web.Response(  # type: ignore[misc]
                status=given.status, body=given.body, content_type=given.content_type
            )
            number = len(rig.bridge.events) + 1
            rig.shop.put("order", number)
            rig.database.note("order", number)
            await until("it was tried some times", lambda calls=calls: len(rig.shop.calls) >= calls + 4)  # type: ignore[misc]
            await until("the status says so", lambda: rig.bridge.statuses[-1]["rest"] != "ok")
            rig.shop.answer = lambda _request: None
            event = await until("it arrives", lambda number=number: rig.bridge.latest("order", number))  # type: ignore[misc]
            assert event.kind == "snapshot"
            await until("the status is good again", lambda: rig.bridge.statuses[-1]["rest"] == "ok")
            await until("its row is deleted", lambda: rig.database.waiting() == [])


async def test_an_order_too_large_for_a_packet_is_told_as_unreadable(rig: Rig) -> None:
    rig.shop.put("order", 1, comment="x" * 20_000)
    rig.shop.put("order", 2, comment="ä" * 5_000)
    rig.shop.put("order", 3, comment="y" * 9_000)
    for number in (1, 2, 3):
        rig.database.note("order", number)
    async with rig.agent(max_packet_bytes=16 * 1024):
        await until("all rows are deleted", lambda: rig.database.waiting() == [])
        kinds = {event.entity_id: event.kind for event in rig.bridge.events}
        assert kinds == {"1": "unreadable", "2": "snapshot", "3": "snapshot"}
        event = rig.bridge.latest("order", 1)
        assert event is not None
        assert event.data["reason"].startswith("too large: order 1 takes 20")


async def test_packets_stay_below_what_the_broker_takes_whatever_is_configured(rig: Rig) -> None:
    rig.broker.stop()
    rig.broker.max_packet_bytes = 20 * 1024
    rig.broker.start()
    for number in range(1, 21):
        rig.shop.put("order", number, comment="x" * (30_000 if number == 7 else 3_000))
        rig.database.note("order", number)
    async with fake_bridge(bridge_address(rig.broker), SITE) as bridge, rig.agent():
        await until("all rows are deleted", lambda: rig.database.waiting() == [])
        kinds = {event.entity_id: event.kind for event in bridge.events}
        assert {entity_id for entity_id, kind in kinds.items() if kind == "unreadable"} == {"7"}
        query = [["searchCriteria[filter_groups][0][filters][0][value]", "7"]]
        answer = await bridge.ask(operation="rest", method="GET", path="/V1/orders", query=query)
        assert answer["status"] == 413


async def test_a_row_of_an_unknown_kind_is_told_and_blocks_nothing(rig: Rig) -> None:
    rig.database.note("newsletter", 1)
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    async with rig.agent(hydrate_attempts=2):
        await until("all rows are deleted", lambda: rig.database.waiting() == [])
        event = rig.bridge.latest("newsletter", 1)
        assert event is not None
        assert (event.kind, event.data["reason"]) == (
            "unreadable",
            "failed: this version of the agent cannot read a newsletter",
        )


async def test_the_agent_outlives_its_database(rig: Rig) -> None:
    rig.shop.put("order", 1)
    rig.shop.put("order", 2)
    server = rig.database.server
    async with rig.agent():
        rig.database.note("order", 1)
        await until("the first order arrives", lambda: rig.bridge.latest("order", 1))
        server.kill()
        await until("the status says so", lambda: rig.bridge.statuses[-1].get("database", "ok") != "ok")
        server.start()
        rig.database.note("order", 2)
        await until("the second order arrives", lambda: rig.bridge.latest("order", 2))
        await until("the rows are deleted", lambda: rig.database.waiting() == [])
        await until("the status is good again", lambda: rig.bridge.statuses[-1]["database"] == "ok")


async def test_the_agent_waits_for_a_bridge_that_is_not_there_yet(rig: Rig) -> None:
    rig.bridge.welcomes = False
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    async with rig.agent():
        await until("it says hello more than once", lambda: len(rig.bridge.hellos) >= 2)
        assert rig.bridge.hellos[0] == rig.bridge.hellos[1]
        assert rig.bridge.events == []
        rig.bridge.welcomes = True
        await until("the order arrives", lambda: rig.bridge.latest("order", 1))


async def test_the_status_is_online_then_offline_at_an_orderly_end(rig: Rig) -> None:
    async with rig.agent():
        status = await until(
            "the agent is welcomed", lambda: next((each for each in rig.bridge.statuses if each.get("epoch")), None)
        )
        assert (status["state"], status["site"], status["rest"]) == ("online", "shop1", "ok")
        assert status["outbox_rows"] == 0
    await until("it says offline", lambda: rig.bridge.statuses[-1]["state"] == "offline")


async def test_what_is_in_flight_at_an_orderly_end_is_still_receipted(rig: Rig) -> None:
    rig.bridge.receipts = False
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    async with rig.agent():
        await until("the order arrives", lambda: rig.bridge.events)
        rig.bridge.receipts = True
        rig.receipt_later(rig.bridge.batches[0])
    assert rig.database.waiting() == []
