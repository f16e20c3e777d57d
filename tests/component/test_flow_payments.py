"""An order that was paid online reaches BNG with its transaction, or waits for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import site
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig

from bridge_common.errors import AwaitingPayment

pytestmark = pytest.mark.integration


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        yield rig


async def paid(shop: ShopRig, payment: str = "card") -> dict[str, Any]:
    """An order that was paid, as REST shows it."""
    placed = await shop.checkout(payment=payment)
    await shop.admin("POST", "/invoice", order_id=placed["entity_id"])
    return await again(shop, placed)


async def again(shop: ShopRig, order: dict[str, Any]) -> dict[str, Any]:
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    return document


async def transact(shop: ShopRig, order: dict[str, Any], **fields: Any) -> None:
    await shop.admin("POST", "/transaction", order_id=order["entity_id"], **fields)


async def description(rig: FlowRig) -> str:
    (made,) = await rig.bng.records("sales_orders")
    return str(made["PaymentDescription"])


async def test_the_transaction_that_the_order_names_is_in_the_description(rig: FlowRig, shop: ShopRig) -> None:
    order = await paid(shop)
    await transact(shop, order, txn_id="T-1")
    before = await shop.calls("GET /rest/{store}/V1/transactions")
    await rig.order(await again(shop, order))
    assert await description(rig) == "card T-1"
    assert await shop.calls("GET /rest/{store}/V1/transactions") == before


async def test_a_transaction_that_the_order_does_not_name_is_asked_of_the_shop(rig: FlowRig, shop: ShopRig) -> None:
    order = await paid(shop)
    await transact(shop, order, txn_id="A-1", txn_type="authorization", told=False)
    await transact(shop, order, txn_id="C-1", txn_type="capture", told=False)
    await transact(shop, order, txn_id="R-1", txn_type="refund", told=False)
    await rig.order(await again(shop, order))
    assert await description(rig) == "card C-1"


async def test_an_online_payment_without_a_transaction_holds_the_order_until_there_is_one(
    rig: FlowRig, shop: ShopRig
) -> None:
    order = await paid(shop)
    with pytest.raises(AwaitingPayment, match="no transaction id for an online payment yet") as held:
        await rig.order(order)
    assert "offline_methods of [sites.shop1]" in held.value.hint
    assert await rig.bng.records("sales_orders") == []
    await transact(shop, order, txn_id="C-2", told=False)
    await rig.order(order)
    assert await description(rig) == "card C-2"


async def test_an_order_that_was_not_paid_yet_does_not_wait(rig: FlowRig, shop: ShopRig) -> None:
    await rig.order(await shop.checkout(payment="card"))
    assert await description(rig) == "card"


async def test_an_offline_payment_has_no_transaction(rig: FlowRig, shop: ShopRig) -> None:
    await rig.order(await paid(shop, "checkmo"))
    assert await description(rig) == "checkmo"


async def test_a_method_may_be_configured_as_offline(tmp_path: Path, shop: ShopRig) -> None:
    async with flow_rig(tmp_path, shop, sites={"shop1": site(offline_methods=("card",))}) as rig:
        await rig.order(await paid(shop))
        assert await description(rig) == "card"
