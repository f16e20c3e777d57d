"""What `deliver` needs of a target, held against both real targets and each of their ways to write."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import BngRig, Clock, customer_body, customer_write, giving, opened, running_bng, site, until
from tests.support.shop import TOKEN, ShopRig, new_account, running_shop_rig

from bng_bridge import bindings, intents
from bng_bridge.deliver import Deliver, Result
from bng_bridge.magento import products
from bng_bridge.magento.target import source_reference
from bng_bridge.mapping import shipments
from bng_bridge.store import Store
from bng_bridge.target import Target, Write
from bridge_common import decimal_json
from bridge_common.errors import OutcomeUnknown, QuietPeriod, RateLimited, TargetPaused
from bridge_sandbox.bng import samples
from bridge_sandbox.mariadb import MariaDB, ShopAccount

Body = dict[str, Any]


@dataclass
class Case:
    """A record that is not there yet. `state` gives how many there are, and the value that `changed` changes."""

    target: Target
    write: Write
    body: Body
    changed: Body
    rig: BngRig | ShopRig
    state: Callable[[], Awaitable[tuple[int, Any]]]
    before: Any
    after: Any

    def deliver(self, store: Store) -> Deliver:
        return Deliver(store, lambda _write: self.target)


async def customer(rig: BngRig) -> Case:
    async def state() -> tuple[int, Any]:
        found = await rig.records("customers")
        return len(found), found[0]["Phone"] if found else None

    bodies = customer_body(Phone="1"), customer_body(Phone="2")
    return Case(rig.target, customer_write(), *bodies, rig, state, "1", "2")


async def cancellation(rig: BngRig) -> Case:
    """Of a sales order that is there: it is what turns the order's status to 90."""
    write = Write(
        "bng", "cancellation", "shop1", "shop1/order/74/cancellation", "bng/shop1-74", "shop1-74", create_only=True
    )
    order = samples.order(await rig.customer(), ExternalID=write.reference)
    await rig.client.create("sales-orders", order, "order", accept=())

    async def state() -> tuple[int, Any]:
        found = [each["OrderStatus"] for each in await rig.records("sales_orders") if each["OrderStatus"] == 90]
        return len(found), found[0] if found else None

    return Case(rig.target, write, {}, {}, rig, state, 90, 90)


async def source_item(rig: ShopRig) -> Case:
    """TEE is a product that is never stocked itself: its row in the source is made by the first write."""
    reference = source_reference("TEE", "default")

    async def state() -> tuple[int, Any]:
        rows = (await rig.admin("GET", "/book"))["source_items"]
        found = [row["quantity"] for row in rows if row["sku"] == "TEE"]
        return len(found), found[0] if found else None

    write = Write(
        "magento",
        "source_item",
        "shop1",
        f"shop1/stock/{reference}/source_item",
        "shop1/stock",
        reference,
        absolute=True,
    )
    body = {"sku": "TEE", "source_code": "default", "quantity": Decimal(5), "status": 1}
    return Case(rig.target, write, body, {**body, "quantity": Decimal("7.5")}, rig, state, 5, Decimal("7.5"))


async def product(rig: ShopRig) -> Case:
    async def state() -> tuple[int, Any]:
        """Asked beside the bridge's client, which may be closed."""
        url, headers = f"{rig.url}/rest/all/V1/products?searchCriteria=", {"Authorization": f"Bearer {TOKEN}"}
        async with rig.session.get(url, headers=headers) as answer:
            listed = decimal_json.loads(await answer.text())["items"]
        found = [each["price"] for each in listed if each["sku"] == "VASE/A+B"]
        return len(found), found[0] if found else None

    write = Write(
        "magento", "product", "shop1", "shop1/product/P-1/product", "shop1/product/VASE/A+B",
        products.reference("VASE/A+B", "all"), absolute=True,
    )  # fmt: skip
    body = {"sku": "VASE/A+B", "name": "Vase", "price": Decimal(5), "status": 2, "attribute_set_id": 4}
    return Case(rig.target, write, body, {**body, "price": Decimal("7.5")}, rig, state, 5, Decimal("7.5"))


async def shipment(rig: ShopRig) -> Case:
    order = await rig.checkout("simple")

    async def state() -> tuple[int, Any]:
        found = await rig.shipments(order["entity_id"])
        return len(found), found[0]["items"][0]["qty"] if found else None

    write = Write(
        "magento", "shipment", "shop1", "shop1/shipment/SH-1/shipment", f"shop1/order/{order['entity_id']}",
        shipments.reference("SH-1"), create_only=True,
    )  # fmt: skip
    body = {
        "items": [{"order_item_id": order["items"][0]["item_id"], "qty": Decimal(1)}],
        "notify": False,
        "comment": {"comment": shipments.reference("SH-1"), "is_visible_on_front": 0},
        "tracks": [],
    }
    return Case(rig.target, write, body, body, rig, state, 1, 1)


async def invoice(rig: ShopRig) -> Case:
    order = await rig.checkout("simple")
    return _of_order(rig, order, "invoice", "invoices", "BNG invoice IN-1")


async def credit_memo(rig: ShopRig) -> Case:
    order = await rig.checkout("simple")
    await rig.client.write("POST", f"/V1/order/{order['entity_id']}/invoice", {}, "")
    return _of_order(rig, order, "creditmemo", "credit_memos", "BNG credit IN-2")


def _of_order(rig: ShopRig, order: Body, entity: str, listed: str, reference: str) -> Case:
    """One of the two pieces, so that a repetition would be one more document."""

    async def state() -> tuple[int, Any]:
        book = await rig.admin("GET", "/book")
        found = [each for each in book[listed] if each["order_id"] == order["entity_id"]]
        return len(found), found[0]["items"][0]["qty"] if found else None

    write = Write(
        "magento", entity, "shop1", f"shop1/shop_{entity}/IN-1/{entity}", f"shop1/order/{order['entity_id']}", reference,
        create_only=True,
    )  # fmt: skip
    body = {
        "items": [{"order_item_id": order["items"][0]["item_id"], "qty": Decimal(1)}],
        "comment": {"comment": reference, "is_visible_on_front": 0},
    }
    return Case(rig.target, write, body, body, rig, state, 1, 1)


IN_SHOP = {
    "source item": source_item, "shipment": shipment, "invoice": invoice, "credit memo": credit_memo, "product": product,
}  # fmt: skip
BNG: list[Any] = [pytest.param("bng", id="BNG"), pytest.param("bng without keys", id="BNG without keys")]
CANCELLATION: list[Any] = [
    pytest.param("bng cancellation", id="BNG cancellation"),
    pytest.param("bng cancellation without keys", id="BNG cancellation without keys"),
]
SOURCE_ITEM = pytest.param("source item", id="Magento source item", marks=pytest.mark.integration)
PRODUCT = pytest.param("product", id="Magento product", marks=pytest.mark.integration)
SHIPMENT = pytest.param("shipment", id="Magento shipment", marks=pytest.mark.integration)
INVOICE = pytest.param("invoice", id="Magento invoice", marks=pytest.mark.integration)
CREDIT_MEMO = pytest.param("credit memo", id="Magento credit memo", marks=pytest.mark.integration)
every_target = pytest.mark.parametrize(
    "case", [*BNG, *CANCELLATION, SOURCE_ITEM, SHIPMENT, INVOICE, CREDIT_MEMO, PRODUCT], indirect=True
)
every_target_that_updates = pytest.mark.parametrize("case", [*BNG, SOURCE_ITEM, PRODUCT], indirect=True)


@pytest.fixture(scope="module")
def own_account(mariadb: MariaDB) -> ShopAccount:
    """A shop of its own: that of the others may be sold out by now."""
    return new_account(mariadb)


@pytest.fixture
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        if request.param.startswith("bng"):
            no_keys = request.param.endswith("without keys")
            rig = await stack.enter_async_context(running_bng(tmp_path, no_keys=no_keys))
            yield await (cancellation(rig) if "cancellation" in request.param else customer(rig))
            return
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        account: ShopAccount = request.getfixturevalue("own_account")
        shop = await stack.enter_async_context(running_shop_rig(mariadb, account, site()))
        for table, sku in (("inventory_source_item", "TEE"), ("catalog_product_entity", "VASE/A+B")):
            mariadb.execute_root(f"DELETE FROM `{account.database}`.{table} WHERE sku = %s", (sku,))
        yield await IN_SHOP[request.param](shop)


async def write(case: Case, store: Store, body: Body | None = None) -> Result:
    return await case.deliver(store)(1, case.write, giving(body or case.body))


async def settle(case: Case, store: Store, clock: Clock) -> Result:
    """As the worker would: again, and when told to wait for the quiet period, after it."""
    try:
        return await write(case, store)
    except QuietPeriod:
        clock.advance(case.target.quiet_s() + 1)
        return await write(case, store)


@every_target
async def test_nothing_is_found_where_nothing_is(case: Case) -> None:
    assert await case.target.find(case.write) is None


@every_target
async def test_what_is_created_is_found_under_the_same_id(case: Case) -> None:
    async with case.target.slot(case.write):
        created = await case.target.create(case.write, case.body, "request-1")
    found = await case.target.find(case.write)
    assert found is not None
    assert found.id == created.id
    assert await case.state() == (1, case.before)


@every_target_that_updates
async def test_what_is_updated_is_the_same_record(case: Case) -> None:
    created = await case.target.create(case.write, case.body, "request-1")
    updated = await case.target.update(case.write, created.id, created.version, case.changed, "request-2")
    found = await case.target.find(case.write)
    assert found is not None
    assert found.id == updated.id == created.id
    assert await case.state() == (1, case.after)


@every_target_that_updates
async def test_an_update_with_an_old_version_is_applied_all_the_same(case: Case) -> None:
    """The version that the binding has may be older than the record: the owned fields still get there."""
    created = await case.target.create(case.write, case.body, "request-1")
    await case.target.update(case.write, created.id, created.version, case.changed, "request-2")
    await case.target.update(case.write, created.id, created.version, case.body, "request-3")
    assert await case.state() == (1, case.before)


@every_target
async def test_a_bridge_that_lost_its_bindings_finds_its_records(case: Case, store: Store, tmp_path: Path) -> None:
    first = await write(case, store)
    async with opened(tmp_path / "restored.sqlite") as empty:
        again = await write(case, empty)
        assert again.binding.target_id == first.binding.target_id
        assert (await write(case, empty)).action == "unchanged"
    assert await case.state() == (1, case.before)


@every_target
async def test_the_quiet_period_covers_the_wait_for_the_answer_and_the_target_s_own_limit(case: Case) -> None:
    config = case.rig.client.config
    assert case.target.quiet_s() >= config.timeout_s + config.execution_limit_s


@every_target
@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_an_unknown_outcome_ends_as_one_record(case: Case, store: Store, clock: Clock, kind: str) -> None:
    # Twice: an idempotent method is sent again by the HTTP client itself, once.
    for method in ("POST", "PUT"):
        await case.rig.fault(kind, method=method, count=2 if method == "PUT" else 1)
    with pytest.raises(OutcomeUnknown):
        await write(case, store)
    assert bindings.get(store.read, case.write.target_key) is None
    await case.rig.clear_faults()
    await settle(case, store, clock)
    assert (await write(case, store)).action == "unchanged"
    assert intents.all_open(store.read) == []
    assert await case.state() == (1, case.before)


@every_target_that_updates
@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_an_update_with_an_unknown_outcome_ends_in_its_state(
    case: Case, store: Store, clock: Clock, kind: str
) -> None:
    await write(case, store)
    for method in ("POST", "PATCH", "PUT"):
        await case.rig.fault(kind, method=method, count=2 if method == "PUT" else 1)
    with pytest.raises(OutcomeUnknown):
        await write(case, store, case.changed)
    await case.rig.clear_faults()
    clock.advance(case.target.quiet_s() + 1)
    await write(case, store, case.changed)
    assert intents.all_open(store.read) == []
    assert await case.state() == (1, case.after)


@every_target
@pytest.mark.parametrize(
    ("status", "error"), [(503, TargetPaused), (429, RateLimited)], ids=["unavailable", "rate-limited"]
)
async def test_what_was_not_executed_is_simply_written_later(
    case: Case, store: Store, status: int, error: type[Exception]
) -> None:
    for method in ("POST", "PUT"):
        await case.rig.fault("status", method=method, status=status, retry_after="0.05")
    with pytest.raises(error):
        await write(case, store)
    assert intents.all_open(store.read) == []
    assert (await case.state())[0] == 0
    await case.rig.clear_faults()
    await until("the throttle is open", lambda: case.rig.client.throttle.state() == "open")
    await write(case, store)
    assert await case.state() == (1, case.before)
