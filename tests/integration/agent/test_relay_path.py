"""A row in the outbox becomes an event, and goes when its receipt is in."""

import pymysql

from bridge_common.clock import utc_now

from .doubles import until
from .rig import NOTE, Rig


async def test_a_row_is_published_as_an_event_and_deleted_after_the_receipt(rig: Rig) -> None:
    rig.shop.put("order", 74, increment_id="000000074")
    before = utc_now()
    rig.database.note("order", 74)
    async with rig.agent():
        event = await until("the order arrives", lambda: rig.bridge.latest("order", 74))
        assert (event.kind, event.ordering_key, event.data["increment_id"]) == ("snapshot", "order/74", "000000074")
        assert event.version.epoch == rig.bridge.epoch
        assert before <= event.committed_at <= event.captured_at
        await until("the row is deleted", lambda: rig.database.waiting() == [])


async def test_all_rows_of_an_entity_that_wait_become_one_event(rig: Rig) -> None:
    rig.shop.put("order", 1)
    rig.shop.put("customer", 1)
    for _ in range(5):
        rig.database.note("order", 1)
        rig.database.note("customer", 1)
    async with rig.agent():
        await until("all is receipted", lambda: rig.database.waiting() == [])
        assert sorted(event.ordering_key for event in rig.bridge.events) == ["customer/1", "order/1"]


async def test_orders_are_read_many_in_one_call(rig: Rig) -> None:
    for number in range(1, 101):
        rig.shop.put("order", number)
        rig.database.note("order", number)
    async with rig.agent(batch_entities=50):
        await until("all is receipted", lambda: rig.database.waiting() == [])
        assert len(rig.bridge.events) == 100
        assert len([call for call in rig.shop.calls if call[1].endswith("/orders")]) == 2


async def test_a_delete_gives_a_tombstone(rig: Rig) -> None:
    rig.database.note("customer", 9, "U")
    rig.database.note("customer", 9, "D")
    async with rig.agent():
        event = await until("the tombstone arrives", lambda: rig.bridge.latest("customer", 9))
        assert (event.kind, event.data) == ("tombstone", {})
        await until("the rows are deleted", lambda: rig.database.waiting() == [])


async def test_an_archived_order_whose_grid_row_went_is_still_a_snapshot(rig: Rig) -> None:
    rig.shop.put("order", 9)
    rig.database.note("order", 9, "D")
    async with rig.agent():
        event = await until("the order arrives", lambda: rig.bridge.latest("order", 9))
        assert event.kind == "snapshot"


async def test_a_row_that_commits_late_with_a_lower_id_still_arrives(rig: Rig) -> None:
    for number in (1, 2, 3):
        rig.shop.put("order", number)
    rig.bridge.receipts = False
    late = rig.database.connect(autocommit=False)
    with late, late.cursor() as cursor:
        cursor.execute(NOTE, ("order", 1, "I"))
        rig.database.note("order", 2)
        async with rig.agent(rescan_interval_s=0.2):
            await until("the row with the higher id arrives", lambda: rig.bridge.latest("order", 2))
            assert rig.bridge.latest("order", 1) is None
            late.commit()
            await until("the late row arrives", lambda: rig.bridge.latest("order", 1))
            for batch in rig.bridge.batches:
                await rig.bridge.send_receipt(batch)
            await until("both rows are deleted", lambda: rig.database.waiting() == [])


async def test_a_delete_does_not_wait_for_rows_that_the_shop_has_not_committed(rig: Rig) -> None:
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    open_checkout = rig.database.connect(autocommit=False)
    with open_checkout, open_checkout.cursor() as cursor:
        cursor.execute(NOTE, ("order", 2, "I"))
        async with rig.agent():
            await until("the committed row is deleted", lambda: rig.database.waiting() == [], limit_s=3)
        open_checkout.rollback()


async def test_truncating_the_table_loses_nothing_that_comes_after(rig: Rig) -> None:
    for number in range(1, 8):
        rig.shop.put("order", number)
    rig.bridge.receipts = False
    for number in (1, 2, 3):
        rig.database.note("order", number)
    async with rig.agent(rescan_interval_s=0.2):
        await until("the rows are published", lambda: len(rig.bridge.events) == 3)
        rig.database.execute("TRUNCATE bng_outbox")
        for number in (4, 5, 6, 7):  # under the ids 1 to 4, three of which are claimed
            rig.database.note("order", number)
        await until("the new rows are published", lambda: len(rig.bridge.events) == 7)
        # The receipt for the rows that are gone must not delete those that have their ids now.
        await rig.bridge.send_receipt(rig.bridge.batches[0])
        rig.database.note("order", 1)
        await until("a further row is published", lambda: len(rig.bridge.events) == 8)
        assert rig.database.waiting() == [1, 2, 3, 4, 5]
        for batch in rig.bridge.batches[1:]:
            await rig.bridge.send_receipt(batch)
        await until("all rows are deleted", lambda: rig.database.waiting() == [])


async def test_an_order_that_changes_while_its_batch_is_under_way_is_published_again_under_a_higher_version(
    rig: Rig,
) -> None:
    rig.bridge.receipts = False
    rig.shop.put("order", 5, status="pending")
    rig.database.note("order", 5)
    async with rig.agent():
        first = await until("the order arrives", lambda: rig.bridge.latest("order", 5))
        rig.shop.put("order", 5, status="processing")
        rig.database.note("order", 5)
        await until("it arrives again", lambda: len(rig.bridge.events) == 2)
        second = rig.bridge.latest("order", 5)
        assert second is not None
        assert second.version.n > first.version.n
        assert second.data["status"] == "processing"
        for batch in rig.bridge.batches:
            await rig.bridge.send_receipt(batch)
        await until("both rows are deleted", lambda: rig.database.waiting() == [])


async def test_the_shops_inserts_never_wait_for_the_agent(rig: Rig) -> None:
    """Reading and deleting go on all the time while a shop session with a short lock limit inserts."""
    for number in range(1, 301):
        rig.shop.put("order", number)
    async with rig.agent():
        shop_session = rig.database.connect()
        with shop_session, shop_session.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
            for number in range(1, 301):
                try:
                    cursor.execute(NOTE, ("order", number, "U"))
                except pymysql.OperationalError as error:
                    raise AssertionError(f"row {number} was held up: {error}") from error
        await until("all is receipted", lambda: rig.database.waiting() == [])
        assert {event.entity_id for event in rig.bridge.events} == {str(number) for number in range(1, 301)}
