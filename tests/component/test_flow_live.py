"""`bridgectl flow diff` against the daemon's socket: what a flow file would do otherwise, and nothing is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.component.test_admin import Bridge, operated
from tests.component.test_flow_reload import MAPPED_CHANNEL, WITH_CHANNEL
from tests.support.orders import order

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.flow_files import templates
from bng_bridge.flow_files.file_set import load_set
from bridge_common.clock import to_text, utc_now

NAME = "order-to-sales-order"
SHIPPED = (templates.folder() / f"{NAME}.yaml").read_text(encoding="utf-8")
SHIPMENTS = (templates.folder() / "shipment-to-shipment.yaml").read_text(encoding="utf-8")
HOLD = "steps:\n  - hold: order {order.increment_id} is under review\n    when: order.state == 'payment_review'\n"
REVIEWED = SHIPPED.replace("steps:\n", HOLD, 1)


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        yield made


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / f"{NAME}.yaml", REVIEWED)


async def put(bridge: Bridge) -> None:
    await bridge.put(1, entity_id="1", data=order(order_id=1))
    await bridge.put(2, entity_id="2", data=order(order_id=2, state="payment_review"))


async def test_a_diff_shows_the_steps_and_what_the_stored_orders_would_do_otherwise(bridge: Bridge, file: Path) -> None:
    await put(bridge)
    answer = (await bridge.ctl("flow", "diff", str(file), "--json")).json()
    assert (answer["documents"], answer["changed"]) == (2, 1)
    assert answer["steps"] == [
        "+ - hold: order {order.increment_id} is under review  when: order.state == 'payment_review'"
    ]
    fields = {each["field"]: each["examples"][0] for each in answer["fields"]}
    assert fields["outcome"] == {"record": "000000002", "old": "done", "new": "postponed"}
    assert fields["writes"]["old"] == "create bng/customer, upsert bng/sales_order"
    shown = await bridge.ctl("flow", "diff", str(file))
    assert shown.code == 0
    assert "1 of 2 documents go otherwise" in shown.out
    assert "000000002: 'done' → 'postponed'" in shown.out


async def test_a_diff_looks_up_what_the_store_knows_and_writes_nothing(bridge: Bridge, file: Path) -> None:
    key = "shop1/customer/5/customer"
    bound = Binding(key, "shop1", "bng", "customer", "C-77", "", "", "", {})
    await bridge.store.write(lambda db: bindings.put(db, bound, to_text(utc_now())))
    await put(bridge)
    write(file, SHIPPED.replace("customer_id: customer.id or", "customer_id: \"'X-' + customer.id\" #", 1))
    (field,) = (await bridge.ctl("flow", "diff", str(file), "--json")).json()["fields"]
    assert field["field"] == "upsert bng/sales_order.body.CustomerID"
    assert (field["count"], field["examples"][0]["old"], field["examples"][0]["new"]) == (2, "C-77", "X-C-77")
    assert bridge.store.read.execute("SELECT count(*) FROM step").fetchone()[0] == 0


async def test_a_mapping_that_a_flow_of_one_s_own_gives_more_is_compared_with_a_placeholder(
    bridge: Bridge, tmp_path: Path
) -> None:
    for kind, text in (("flows", WITH_CHANNEL), ("mappings", MAPPED_CHANNEL)):
        (tmp_path / kind).mkdir()
        write(tmp_path / kind / f"{NAME}.yaml", text)
    bridge.running.context.mappings.swap(load_set(tmp_path / "mappings", ("shop1",), tmp_path / "flows"))
    await put(bridge)
    newer = write(tmp_path / f"{NAME}.yaml", MAPPED_CHANNEL.replace("ShipVia: channel", "ShipVia: upper(channel)"))
    answer = (await bridge.ctl("map", "diff", str(newer), "--json")).json()
    (field,) = answer["fields"]
    assert (answer["errors"], field["examples"][0]["old"], field["examples"][0]["new"]) == (
        [],
        "(channel)",
        "(CHANNEL)",
    )


async def test_a_file_without_a_difference_changes_nothing(bridge: Bridge, file: Path) -> None:
    await put(bridge)
    write(file, "# only a comment\n" + SHIPPED)
    answer = (await bridge.ctl("flow", "diff", str(file), "--json")).json()
    assert (answer["documents"], answer["changed"], answer["steps"], answer["fields"]) == (2, 0, [], [])


async def test_mistakes_of_the_file_are_told_and_end_with_1(bridge: Bridge, file: Path) -> None:
    write(file, REVIEWED.replace("order.state ==", "order.stat =="))
    refused = await bridge.ctl("flow", "diff", str(file))
    assert (refused.code, "magento/order has no field stat. Did you mean state?" in refused.out) == (1, True)
    write(file, SHIPPED.replace("mapping: order-to-customer", "mapping: order-to-custmer", 1))
    assert "there is no mapping order-to-custmer" in (await bridge.ctl("flow", "diff", str(file))).out


async def test_flows_whose_documents_are_not_stored_cannot_be_compared(bridge: Bridge, tmp_path: Path) -> None:
    path = write(tmp_path / "shipment-to-shipment.yaml", SHIPMENTS)
    refused = await bridge.ctl("flow", "diff", str(path))
    assert refused.code != 0
    assert "The documents of bng/shipment are not stored" in refused.err
