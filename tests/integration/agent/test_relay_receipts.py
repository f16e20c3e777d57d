"""Only a receipt of this run, this epoch and a batch in memory deletes rows."""

import uuid

from .doubles import until
from .rig import Rig


async def test_a_receipt_of_another_epoch_deletes_nothing(rig: Rig) -> None:
    rig.bridge.receipts = False
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    async with rig.agent():
        await until("the order arrives", lambda: rig.bridge.events)
        await rig.bridge.send_receipt(rig.bridge.batches[0], epoch=rig.bridge.epoch - 1)
        await rig.bridge.send_receipt(str(uuid.uuid4()))
        rig.shop.put("order", 2)
        rig.database.note("order", 2)
        await until("the next order arrives", lambda: rig.bridge.latest("order", 2))
        assert rig.database.waiting() == [1, 2]


async def test_a_second_receipt_for_a_batch_deletes_nothing(rig: Rig) -> None:
    rig.bridge.receipts = False
    for number in (1, 2):
        rig.shop.put("order", number)
    rig.database.note("order", 1)
    async with rig.agent():
        await until("the order arrives", lambda: rig.bridge.events)
        await rig.bridge.send_receipt(rig.bridge.batches[0])
        await until("its row is deleted", lambda: rig.database.waiting() == [])
        rig.database.execute("TRUNCATE bng_outbox")
        rig.database.note("order", 2)
        await rig.bridge.send_receipt(rig.bridge.batches[0])
        await until("the next order arrives", lambda: rig.bridge.latest("order", 2))
        assert rig.database.waiting() == [1]


async def test_a_batch_without_a_receipt_is_published_again_as_it_was(rig: Rig) -> None:
    rig.bridge.receipts = False
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    async with rig.agent(receipt_timeout_s=0.3):
        await until("the batch came three times", lambda: len(rig.bridge.batches) >= 3)
        assert len(set(rig.bridge.batches)) == 1
        assert len({event.version for event in rig.bridge.events}) == 1
        assert rig.database.waiting() == [1]
        rig.bridge.receipts = True
        await until("its row is deleted", lambda: rig.database.waiting() == [])


async def test_after_a_reconnect_the_old_batch_is_forgotten_and_its_rows_are_read_again(rig: Rig) -> None:
    rig.bridge.receipts = False
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    async with rig.agent():
        first = await until("the order arrives", lambda: rig.bridge.latest("order", 1))
        old_batch = rig.bridge.batches[0]
        await rig.take_over()
        await until("it arrives again", lambda: len(rig.bridge.events) == 2)
        second = rig.bridge.events[-1]
        assert second.version.epoch > first.version.epoch
        await rig.bridge.send_receipt(old_batch)
        await rig.bridge.send_receipt(old_batch, epoch=first.version.epoch)
        rig.database.note("order", 1)
        await until("a further row is published", lambda: len(rig.bridge.events) == 3)
        assert rig.database.waiting() == [1, 2]
        rig.bridge.receipts = True
        await rig.bridge.send_receipt(rig.bridge.batches[1])
        await rig.bridge.send_receipt(rig.bridge.batches[2])
        await until("both rows are deleted", lambda: rig.database.waiting() == [])


async def test_no_more_batches_are_under_way_than_allowed(rig: Rig) -> None:
    rig.bridge.receipts = False
    for number in range(1, 31):
        rig.shop.put("order", number)
        rig.database.note("order", number)
    async with rig.agent(batch_entities=5, batches_in_flight=2, receipt_timeout_s=60):
        await until("two batches arrive", lambda: len(rig.bridge.batches) == 2)
        await until("a heartbeat tells", lambda: rig.bridge.statuses[-1].get("in_flight") == 2)
        count = len(rig.bridge.statuses)
        await until("two more heartbeats came", lambda: len(rig.bridge.statuses) >= count + 2)
        assert len(rig.bridge.batches) == 2
        rig.bridge.receipts = True
        for batch in rig.bridge.batches[:2]:
            await rig.bridge.send_receipt(batch)
        await until("all rows are deleted", lambda: rig.database.waiting() == [])
