"""`bridgectl map reload` and `map diff` against the daemon's socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.component.test_admin import Bridge, operated
from tests.support.orders import order
from tests.unit.test_mapping_customers import customer

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bridge_common.clock import to_text, utc_now

MANUAL = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
UPPER = "extends: order-to-sales-order.yaml\nfields:\n  ShipVia: upper(order.shipping_description)\n"
BROKEN = UPPER.replace("shipping_description", "shiping_description")
MISTAKE = "3:24: fields.ShipVia: magento/order has no field shiping_description. Did you mean shipping_description?"


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        own = {"mappings": tmp_path / "mappings"}
        made.running.reload.installation = replace(made.running.reload.installation, own=own)
        (tmp_path / "mappings").mkdir()
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Beside the folder, not in it."""
    path = tmp_path / "order-to-sales-order.yaml"
    path.write_text(UPPER)
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_a_reload_prints_what_is_in_force_now(bridge: Bridge, file: Path) -> None:
    assert "unchanged since" in (await bridge.ctl("map", "reload")).out
    folder = bridge.running.reload.folder
    write(folder / file.name, UPPER)
    done = await bridge.ctl("map", "reload")
    assert done.code == 0
    identity = bridge.running.context.mappings("shop1", file.stem).identity
    assert f"{identity[:12]} mapping {file.stem}: {folder / file.name}" in done.out
    assert "in force now" in done.out
    status = (await bridge.ctl("status", "--json")).json()["mappings"]
    assert status == {
        "identity": bridge.running.context.mappings.current.identity,
        "loaded_at": to_text(bridge.running.context.mappings.loaded_at),
        "refused": "",
        "bundle": "",
    }


async def test_a_refused_reload_prints_the_findings_ends_with_1_and_shows_in_status(bridge: Bridge, file: Path) -> None:
    folder = bridge.running.reload.folder
    write(folder / file.name, BROKEN)
    refused = await bridge.ctl("map", "reload")
    assert refused.code == 1
    assert f"{folder / file.name}:3:24: fields.ShipVia" in refused.out
    assert (await bridge.ctl("map", "reload", "--json")).json()["ok"] is False
    status = await bridge.ctl("status", "--json")
    assert (status.code, status.json()["verdict"]) == (1, "degraded")
    assert "3:24: fields.ShipVia" in status.json()["mappings"]["refused"]
    assert [alert["key"] for alert in status.json()["alerts"]] == ["mappings-refused"]


async def test_a_diff_counts_by_field_with_examples_and_changes_nothing(bridge: Bridge, file: Path) -> None:
    for number in range(1, 6):
        await bridge.put(number, entity_id=str(number), data=order(order_id=number))
    await bridge.put(6, entity_id="6", data=order(order_id=6, shipping_description="FREE"))
    before = bridge.running.context.mappings.current
    answer = (await bridge.ctl("map", "diff", str(file), "--json")).json()
    assert (answer["documents"], answer["changed"], answer["errors"], answer["mended"]) == (6, 5, [], 0)
    (field,) = answer["fields"]
    assert (field["field"], field["count"], len(field["examples"])) == ("ShipVia", 5, 3)
    assert field["examples"][0] == {"record": "000000005", "old": "Flat Rate - Fixed", "new": "FLAT RATE - FIXED"}
    shown = await bridge.ctl("map", "diff", str(file), "--events", "2")
    assert (shown.code, shown.out.splitlines()) == (
        0,
        ["1 of 2 documents change", "ShipVia: 1", "  000000005: 'Flat Rate - Fixed' → 'FLAT RATE - FIXED'"],
    )
    assert "\n".join(shown.out.splitlines()) in MANUAL
    assert bridge.running.context.mappings.current is before


async def test_a_diff_over_a_hundred_orders_names_each_field_that_an_edit_changes_and_no_other(
    bridge: Bridge, file: Path
) -> None:
    for number in range(1, 121):
        description = "Free" if number % 4 else "FREE"
        await bridge.put(number, entity_id=str(number), data=order(order_id=number, shipping_description=description))
    write(file, UPPER + "  Currency: lower(order.order_currency_code)\n")
    answer = (await bridge.ctl("map", "diff", str(file), "--events", "100", "--json")).json()
    assert answer["documents"] == 100
    assert {field["field"]: field["count"] for field in answer["fields"]} == {"ShipVia": 75, "Currency": 100}


async def test_a_diff_names_the_errors_that_the_file_would_raise_and_those_it_would_mend(
    bridge: Bridge, file: Path
) -> None:
    await bridge.put(1, entity_id="1", data=order(order_id=1))
    await bridge.put(2, entity_id="2", data=order(order_id=2, shipping_description=None))
    write(
        file, UPPER.replace("upper(order.shipping_description)", "{expr: order.shipping_description, required: true}")
    )
    answer = await bridge.ctl("map", "diff", str(file), "--json")
    (error,) = answer.json()["errors"]
    assert (answer.code, error["count"], error["examples"][0]["record"]) == (1, 1, "000000002")
    assert error["error"] == "ShipVia (order-to-sales-order.yaml:3)"
    shown = await bridge.ctl("map", "diff", str(file))
    assert "ShipVia (order-to-sales-order.yaml:3): 1 cannot be mapped" in shown.out

    await bridge.put(3, entity_id="3", data=order(order_id=3, grand_total=Decimal("15.00")))
    write(file, "extends: order-to-sales-order.yaml\nlet:\n  tolerance: number('100')\n")
    answer = await bridge.ctl("map", "diff", str(file), "--json")
    assert (answer.code, answer.json()["mended"], answer.json()["errors"]) == (0, 1, [])


async def test_a_diff_gives_the_context_of_the_flow_or_placeholders(bridge: Bridge, file: Path) -> None:
    key = "shop1/order/1/sales_order"
    bound = Binding(key, "shop1", "bng", "sales_order", "SO-1", "", "", "", {"CustomerID": "C-77"})
    await bridge.store.write(lambda db: bindings.put(db, bound, to_text(utc_now())))
    for number, total_paid in ((1, 0), (2, 10)):
        document = order(order_id=number, total_paid=total_paid, payment={"method": "braintree"})
        await bridge.put(number, entity_id=str(number), data=document)
    write(
        file,
        "extends: order-to-sales-order.yaml\nfields:\n"
        "  ShipVia: join([external_id, customer_id, time_zone, transaction_id], ' ')\n",
    )
    (field,) = (await bridge.ctl("map", "diff", str(file), "--json")).json()["fields"]
    assert [each["new"] for each in field["examples"]] == [
        "shop1-2 (customer id) UTC (transaction id)", "shop1-1 C-77 UTC",
    ]  # fmt: skip


async def test_a_diff_of_customers_knows_which_are_new(bridge: Bridge, tmp_path: Path) -> None:
    for number in (5, 6):
        await bridge.put(number, entity="customer", entity_id=str(number), data=customer(id=number))
    bound = Binding("shop1/customer/5/customer", "shop1", "bng", "customer", "C-5", "", "", "", {})
    await bridge.store.write(lambda db: bindings.put(db, bound, to_text(utc_now())))
    own = tmp_path / "mine.yaml"
    write(own, "extends: customer-to-customer.yaml\nfields:\n  PaymentTerms: {default: NET14, when: is_create}\n")
    answer = (await bridge.ctl("map", "diff", str(own), "--as", "customer-to-customer", "--json")).json()
    (field,) = answer["fields"]
    assert (answer["documents"], field["count"]) == (2, 1)
    assert field["examples"] == [{"record": "6", "old": "NET30", "new": "NET14"}]


async def test_a_diff_of_a_file_with_mistakes_names_them(bridge: Bridge, file: Path) -> None:
    write(file, BROKEN)
    ended = await bridge.ctl("map", "diff", str(file))
    assert (ended.code, ended.out.splitlines()) == (
        1,
        [f"order-to-sales-order.yaml:{MISTAKE}"],
    )


async def test_a_file_that_is_no_text_or_too_long_is_not_sent(bridge: Bridge, file: Path) -> None:
    write(file, UPPER + 300_000 * "# too much\n")
    long = await bridge.ctl("map", "diff", str(file))
    assert (long.code, "is longer than" in long.err) == (1, True)
    await asyncio.to_thread(file.write_bytes, b"\xff")
    assert (await bridge.ctl("map", "diff", str(file))).code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--as", "nonsense"), "No mapping nonsense is in force."),
        (("--as", "shipment-to-shipment"), "The documents of shipment-to-shipment are not stored."),
        (("--site", "shop9"), "There is no site shop9."),
    ],
)
async def test_a_diff_of_what_is_not_there_says_so(
    bridge: Bridge, file: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    ended = await bridge.ctl("map", "diff", str(file), *arguments)
    assert (ended.code, ended.err.startswith(sentence)) == (1, True)
