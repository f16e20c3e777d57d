"""A sales order that does not add up reaches no BNG, whatever mapping file made it."""

from pathlib import Path

import pytest
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import order

from bng_bridge.cause import cause_of
from bng_bridge.flow_files.file_set import load_set
from bridge_common.errors import MappingError


def own_mapping(rig: FlowRig, folder: Path, fields: str) -> None:
    mappings = folder / "mappings"
    mappings.mkdir(exist_ok=True)
    (mappings / "order-to-sales-order.yaml").write_text(f"extends: order-to-sales-order.yaml\nfields:\n  {fields}\n")
    rig.context.mappings.swap(load_set(mappings, ("shop1",)))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("Total: order.grand_total + 1", r"Total is 29\.78, lines and freight add up to 28\.78, a difference of 1\.00"),
        ("Freight: {default: 4}", r"add up to 27\.78, a difference of 1\.00"),
        ("TaxTotal: {default: 0}", r"the taxes of lines and freight add up to 3\.80, a difference of -3\.80"),
    ],
)
async def test_a_file_of_somebody_s_own_that_does_not_add_up_writes_nothing(
    tmp_path: Path, fields: str, said: str
) -> None:
    async with flow_rig(tmp_path) as rig:
        own_mapping(rig, tmp_path, fields)
        with pytest.raises(MappingError, match=said) as held:
            await rig.order(order())
        assert await rig.bng.records("sales_orders") == []
        assert cause_of(held.value, "order") == cause_of(
            MappingError("", problem="totals", pointer=held.value.pointer), "order"
        )
        assert "bridgectl dlq retry {event}" in held.value.hint


async def test_a_change_that_does_not_add_up_leaves_what_bng_has(tmp_path: Path) -> None:
    async with flow_rig(tmp_path) as rig:
        await rig.order(order())
        (before,) = await rig.bng.records("sales_orders")
        own_mapping(rig, tmp_path, "Freight: {default: 4}")
        with pytest.raises(MappingError, match="does not add up"):
            await rig.order(order(state="processing"))
        assert await rig.bng.records("sales_orders") == [before]


async def test_base_amounts_stand_beside_the_order_s(tmp_path: Path) -> None:
    document = order(order_currency_code="USD", base_currency_code="EUR", base_to_order_rate="1.0832")
    async with flow_rig(tmp_path) as rig:
        await rig.order(document | {"base_grand_total": "26.5700"})
        (made,) = await rig.bng.records("sales_orders")
        assert [made[name] for name in ("Currency", "Total", "BaseCurrency", "BaseTotal", "ExchangeRate")] == [
            "USD", "28.78", "EUR", "26.57", "1.0832",
        ]  # fmt: skip
