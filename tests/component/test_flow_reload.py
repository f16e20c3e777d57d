"""Flow files while the bridge runs: whose file counts, edits that are put in force with the mappings, or refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.component.test_mapping_reload import UPPER
from tests.support.bridge import site, until
from tests.support.flows import FlowRig, flow_rig
from tests.support.mappings import shipped, shipped_mappings
from tests.support.orders import order

from bng_bridge import mapping_reload
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bundles.depot import Depot
from bng_bridge.bundles.installation import Installation
from bng_bridge.deliver import Mapping as Body
from bng_bridge.deliver import Result
from bng_bridge.flow_files import templates
from bng_bridge.flow_files.file_set import load_set
from bng_bridge.flow_files.rehearsal import rehearse
from bng_bridge.mapping.findings import MappingFileError
from bng_bridge.mapping_reload import ALERT, MappingReload
from bng_bridge.target import Write
from bridge_common import decimal_json
from bridge_common.errors import DependencyMissing, RefusedByFlow
from bridge_sandbox.bng import samples

NAME = "order-to-sales-order"
SHIPPED = (templates.folder() / f"{NAME}.yaml").read_text(encoding="utf-8")
HOLD = "steps:\n  - hold: order {order.increment_id} is under review\n    when: order.state == 'payment_review'\n"
REVIEWED = SHIPPED.replace("steps:\n", HOLD, 1)
BROKEN = REVIEWED.replace("order.increment_id} is under", "order.incremnt_id} is under")
NOTHING = "on: {event: magento/order, ordered_by: order}\nsteps: [{skip: orders stay in the shop}]\n"
WITH_CHANNEL = SHIPPED.replace(
    "      time_zone: site.time_zone\n", "      time_zone: site.time_zone\n      channel: site.name\n"
)
MAPPED_CHANNEL = "extends: order-to-sales-order.yaml\ncontext: {channel: text}\nfields: {ShipVia: channel}\n"


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    made.mkdir()
    return made


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    made = tmp_path / "mappings"
    made.mkdir()
    return made


def findings(mappings: Path, flows: Path) -> list[str]:
    with pytest.raises(MappingFileError) as refused:
        load_set(mappings, ("shop1",), flows)
    return [str(each).replace(f"{mappings}/", "").replace(f"{flows}/", "") for each in refused.value.findings]


def put(folder: Path, text: str, *, name: str = NAME, of_site: str = "") -> Path:
    path = folder / of_site / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


async def test_a_file_stands_in_place_of_the_flow_of_its_name_and_a_site_s_own_for_that_site(
    tmp_path: Path, mappings: Path, flows: Path
) -> None:
    put(flows, REVIEWED)
    put(flows, NOTHING, of_site="shop2")
    async with flow_rig(tmp_path, sites={"shop1": site(), "shop2": site()}) as rig:
        rig.context.mappings.swap(load_set(mappings, ("shop1", "shop2"), flows))
        with pytest.raises(DependencyMissing, match="order 000000074 is under review"):
            await rig.order(order(state="payment_review"))
        assert (await rig.order(order())).state == "done"
        assert (await rig.order(order(), site="shop2")).reason == "orders stay in the shop"


def test_empty_folders_are_the_templates(mappings: Path, flows: Path) -> None:
    assert load_set(mappings, (), flows).identity == shipped().identity


@pytest.mark.parametrize(
    ("shipped", "edited", "finding"),
    [
        ("order {order.increment_id} replaces", "order {order.incremnt_id} replaces",
         "steps.4: magento/order has no field incremnt_id. Did you mean increment_id?"),
        ("mapping: order-to-customer", "mapping: order-to-custmer",
         "steps.customer.mapping: there is no mapping order-to-custmer. Did you mean order-to-customer?"),
        ("mapping: order-to-customer", "mapping: customer-to-customer",
         "steps.customer.mapping: customer-to-customer maps magento/customer, and is given magento/order."),
        ("mapping: order-to-sales-order", "mapping: order-to-customer",
         "steps.sales_order.mapping: order-to-customer makes bng/customer, and bng/sales_order is written."),
        ("time_zone: site.time_zone", "time_zone: site.offline_methods",
         f"steps.sales_order.context.time_zone: {NAME}.yaml wants the kind text as time_zone, this is a list."),
    ],
)  # fmt: skip
def test_a_mistake_names_file_and_line(mappings: Path, flows: Path, shipped: str, edited: str, finding: str) -> None:
    text = SHIPPED.replace(shipped, edited, 1)
    put(flows, text)
    line = SHIPPED[: SHIPPED.index(shipped)].count("\n") + 1
    (found,) = findings(mappings, flows)
    assert (found.split(":")[:2], found.split(": ", 1)[1]) == ([f"{NAME}.yaml", str(line)], finding)


def test_what_a_flow_no_longer_gives_is_a_mistake_of_the_mapping_that_wants_it(mappings: Path, flows: Path) -> None:
    put(flows, SHIPPED.replace("      time_zone: site.time_zone\n", ""))
    (found,) = findings(mappings, flows)
    assert found.endswith(
        "order-to-sales-order.yaml:24:3: context.time_zone: the flow gives no time_zone to order-to-sales-order.yaml. It "
        "gives external_id, is_create, customer_id, transaction_id."
    )


def test_a_flow_and_its_mapping_are_good_together_or_not_at_all(mappings: Path, flows: Path) -> None:
    put(mappings, MAPPED_CHANNEL)
    (found,) = findings(mappings, flows)
    assert "context.channel: the flow gives no channel" in found
    put(flows, WITH_CHANNEL)
    assert load_set(mappings, ("shop1",), flows)("shop1", NAME).head.context.keys() >= {"channel"}


def test_a_mapping_of_some_fields_is_for_records_that_are_there(mappings: Path, flows: Path) -> None:
    head = "source: magento/order\ntarget: bng/sales_order\npartial: true\n"
    put(mappings, f"{head}fields: {{ShipVia: order.state}}\n", name="mine")
    flow = "on: {event: magento/order, ordered_by: order}\nsteps: [{upsert: bng/sales_order, mapping: mine}]\n"
    put(flows, flow)
    (found,) = findings(mappings, flows)
    hint = "Take partial: true out of the mapping, or write update."
    assert found.endswith(f"mapping: mine is partial, and may have to make bng/sales_order. {hint}")
    put(flows, flow.replace("upsert", "update"))
    assert load_set(mappings, ("shop1",), flows)


def test_parts_that_are_no_shipments_are_a_mistake(mappings: Path, flows: Path) -> None:
    shipment = (templates.folder() / "shipment-to-shipment.yaml").read_text(encoding="utf-8")
    put(flows, shipment.replace("parts: found.parts", "parts: found.items"), name="shipment-to-shipment")
    (found,) = findings(mappings, flows)
    assert "context.parts: parts are BNG's shipments, bng/shipment, and these are magento/ship_item" in found


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ('{"document": {}, "site": "shop1"}', "{}"),
        ('{"document": {}, "answers": ["x"]}', "{}"),
        ('{"document": {}}', "[]"),
    ],
)
def test_a_slip_in_a_case_is_a_finding(mappings: Path, flows: Path, given: str, wanted: str) -> None:
    cases = put(flows, NOTHING).with_suffix("")
    cases.mkdir()
    (cases / "one.in.json").write_text(given)
    (cases / "one.out.json").write_text(wanted)
    (found,) = findings(mappings, flows)
    assert "one: cannot be run: " in found


def test_a_case_of_a_site_s_own_flow_runs_as_that_site(mappings: Path, flows: Path) -> None:
    put(mappings, "extends: customer-to-customer.yaml\n", name="mine", of_site="shop2")
    text = (templates.folder() / "customer-to-customer.yaml").read_text(encoding="utf-8")
    text = text.replace("mapping: customer", "mapping: mine #").replace("merge: customer", "merge: mine #")
    own = put(flows, text, name="customer-to-customer", of_site="shop2")
    cases = own.with_suffix("")
    cases.mkdir()
    (cases / "one.in.json").write_text('{"document": {"id": 5, "email": "ida@example.com", "lastname": "Brandt"}}')
    (cases / "one.out.json").write_text('{"writes": [{"upsert": "bng/customer", "body": {"ExternalID": "shop2-5"}}]}')
    assert load_set(mappings, ("shop1", "shop2"), flows)
    (cases / "one.in.json").write_text('{"document": {"id": 5}, "site": {"name": "shop1"}}')
    with pytest.raises(MappingFileError, match="shop1 has no mapping mine: say under site whose case it is"):
        load_set(mappings, ("shop1", "shop2"), flows)


def test_mistakes_of_flows_and_of_mappings_are_named_together(mappings: Path, flows: Path) -> None:
    put(flows, BROKEN)
    put(mappings, UPPER.replace("shipping_description", "shiping_description"))
    assert len(findings(mappings, flows)) == 2


def test_a_flow_of_a_site_that_there_is_not_and_a_folder_that_is_gone(
    mappings: Path, flows: Path, tmp_path: Path
) -> None:
    put(flows, NOTHING, of_site="shpo1")
    assert findings(mappings, flows) == [f"shpo1/{NAME}.yaml:1:1: there is no site shpo1. Did you mean shop1?"]
    assert findings(mappings, tmp_path / "none") == [f"{tmp_path}/none:1:1: is no folder of flow files."]


# ── while the bridge runs ──


@pytest.fixture
async def reload(mappings: Path, flows: Path, monkeypatch: pytest.MonkeyPatch) -> MappingReload:
    monkeypatch.setattr(mapping_reload, "QUIET_S", 0.02)
    own = {"mappings": mappings, "flows": flows}
    installation = Installation(Depot(mappings.with_name("bundles")), own, ("shop1",))
    return MappingReload(shipped_mappings(), installation, Alerts())


@pytest.fixture
async def watched(reload: MappingReload, flows: Path) -> AsyncIterator[MappingReload]:
    """Until the watch stands: the first file it sees proves it."""
    task = asyncio.create_task(reload.run())

    async def is_seen() -> bool:
        put(flows, NOTHING)
        await asyncio.sleep(0.05)
        return reload.mappings.current.identity != shipped().identity

    await until("the folder is watched", is_seen)
    yield reload
    task.cancel()


async def test_the_folder_of_flows_is_watched(watched: MappingReload, flows: Path) -> None:
    before = watched.mappings.current.identity
    newer = flows / ".order.swp"
    newer.write_text(REVIEWED)
    newer.replace(flows / f"{NAME}.yaml")
    await until("the new flow counts", lambda: watched.mappings.current.identity != before)


async def test_a_refused_flow_changes_nothing_and_is_an_alert_until_a_good_one(
    reload: MappingReload, flows: Path
) -> None:
    put(flows, REVIEWED)
    await reload.reload()
    kept = reload.mappings.current
    put(flows, BROKEN)
    (finding,) = await reload.reload()
    (alert,) = reload._alerts.active()  # noqa: SLF001 # they are shown by the daemon
    assert reload.mappings.current is kept
    assert reload.mappings.refused == str(finding)
    assert (alert.key, alert.hint) == (ALERT, f"bridgectl flow check {flows}; bridgectl flow test {flows}")
    put(flows, REVIEWED)
    assert (await reload.reload(), reload._alerts.active(), reload.mappings.refused) == ((), [], "")  # noqa: SLF001


async def test_a_flow_whose_cases_fail_is_refused(reload: MappingReload, flows: Path) -> None:
    cases = put(flows, REVIEWED).with_suffix("")
    cases.mkdir()
    (cases / "review.in.json").write_text('{"document": {"state": "payment_review", "increment_id": "1"}}')
    (cases / "review.error.txt").write_text("order 2 is under review")
    (finding,) = await reload.reload()
    assert "order 1 is under review" in str(finding)
    (cases / "review.error.txt").write_text("order 1 is under review")
    assert await reload.reload() == ()


async def put_in_force(rig: FlowRig, mappings: Path, flows: Path) -> None:
    rig.context.mappings.swap(load_set(mappings, ("shop1",), flows))


async def test_a_flow_that_is_under_way_ends_on_the_files_that_it_began_with(
    tmp_path: Path, mappings: Path, flows: Path
) -> None:
    """Both are edited between the customer and the sales order: neither the new flow nor the new mapping counts for it."""
    async with flow_rig(tmp_path) as rig:
        through = rig.context.deliver

        async def editing(seq: int, write: Write, body: Body) -> Result:
            done = await through(seq, write, body)
            put(mappings, MAPPED_CHANNEL)
            put(flows, WITH_CHANNEL)
            await put_in_force(rig, mappings, flows)
            return done

        rig.context = replace(rig.context, deliver=editing)  # type: ignore[arg-type]
        await rig.order(order())
        await rig.order(order(order_id=75))
        assert [each["ShipVia"] for each in await rig.bng.records("sales_orders")] == ["Flat Rate - Fixed", "shop1"]


DELETED = """\
on:
  event: magento/order
  kind: tombstone
  ordered_by: order
steps:
  - name: sold
    call: binding
    with: {record: sales_order, id: event.id}
  - cancel: bng/sales_order
    when: sold
"""
"""Beside the shipped flow of orders, which is of the other kind."""


async def test_a_flow_of_one_s_own_may_take_events_that_no_shipped_one_does(
    tmp_path: Path, mappings: Path, flows: Path
) -> None:
    put(flows, DELETED, name="deleted-order")
    async with flow_rig(tmp_path) as rig:
        assert (await rig.run(rig.claimed("order", "74", {}, kind="tombstone"))).reason == "no flow for order tombstone"
        await rig.order(order())
        await put_in_force(rig, mappings, flows)
        assert (await rig.run(rig.claimed("order", "74", {}, kind="tombstone"))).state == "done"
        assert [each["OrderStatus"] for each in await rig.bng.records("sales_orders")] == [90]
        assert (await rig.run(rig.claimed("order", "75", {}, kind="tombstone"))).state == "done"


async def test_an_update_changes_what_is_there_and_makes_nothing(tmp_path: Path, mappings: Path, flows: Path) -> None:
    update = "- {name: sold, update: bng/sales_order, fields: {ShipVia: order.state}}\n- skip: none\n  when: not sold\n"
    put(flows, f"on: {{event: magento/order, ordered_by: order}}\nsteps:\n{update}")
    async with flow_rig(tmp_path) as rig:
        shipped_flow = rig.context.mappings.current
        await put_in_force(rig, mappings, flows)
        assert (await rig.order(order())).reason == "none"
        assert await rig.bng.records("sales_orders") == []
        rig.context.mappings.swap(shipped_flow)
        await rig.order(order())
        await put_in_force(rig, mappings, flows)
        # Also one that the bridge has forgotten.
        await rig.store.write(lambda db: db.execute("DELETE FROM binding WHERE entity = 'sales_order'").rowcount)
        assert (await rig.order(order())).state == "done"
        assert [each["ShipVia"] for each in await rig.bng.records("sales_orders")] == ["new"]


async def test_a_flow_that_writes_for_what_is_null_is_a_dead_letter_that_says_so(
    tmp_path: Path, mappings: Path, flows: Path
) -> None:
    status = "on: {event: bng/sales_order, ordered_by: order}\nsteps:\n"
    write = "- upsert: magento/order_status\n  fields: {OrderStatus: sales_order.OrderStatus}\n"
    put(flows, status + write, name="status-to-order")
    async with flow_rig(tmp_path) as rig:
        await put_in_force(rig, mappings, flows)
        told = rig.claimed("sales_order", "SO-9", {}, source="bng", site="", kind="hint")
        with pytest.raises(RefusedByFlow, match="writes magento/order_status although sales_order is null") as refused:
            await rig.run(told)
        assert "`when: not sales_order`" in refused.value.hint
        await rig.bng.customer("shop1-5")
        made = await rig.bng.client.create(
            "sales-orders", samples.order("C-100001", ExternalID="fax-7"), "1", accept=()
        )
        assert made.stored is not None
        told = replace(told, entity_id=str(made.stored.body["SalesOrderID"]))
        with pytest.raises(RefusedByFlow, match="although bound is null"):
            await rig.run(told)


async def test_a_write_without_a_mapping_names_its_flow(tmp_path: Path) -> None:
    async with flow_rig(tmp_path) as rig:
        await rig.order(order(state="canceled"))
        rows = rig.store.read.execute("SELECT target_key, mapping FROM step ORDER BY id").fetchall()
        flow = rig.context.mappings.current.flows("shop1", "magento/order", "snapshot")
        assert flow is not None
        assert tuple(rows[-1]) == ("shop1/order/74/cancellation", flow.identity)


def test_what_is_paid_of_an_order_counts_for_online_methods_only() -> None:
    case = (templates.folder() / NAME / "plain.in.json").read_bytes()
    order_flow = shipped().flows("", "magento/order", "snapshot")
    assert order_flow is not None
    given = decimal_json.loads(case)
    for method, outcome in (("checkmo", "done"), ("card", "dead")):
        given["document"] |= {"total_paid": "n/a", "payment": {"method": method}}
        assert rehearse(order_flow, shipped().mappings, given)["outcome"] == outcome


async def test_a_flow_that_asks_the_shop_for_an_order_of_none_is_a_dead_letter_that_says_so(
    tmp_path: Path, mappings: Path, flows: Path
) -> None:
    status = "on: {event: bng/sales_order, ordered_by: order}\nsteps: [{skip: a, when: sold}]\n"
    async with flow_rig(tmp_path) as rig:
        for call in ("has_product, with: {sku: \"'X'\"}", 'newest_transaction, with: {order_id: "5"}'):
            put(flows, status.replace("[{skip", f"[{{name: sold, call: {call}}}, {{skip"), name="status-to-order")
            await put_in_force(rig, mappings, flows)
            with pytest.raises(RefusedByFlow, match=r"although bound is null") as refused:
                await rig.run(rig.claimed("sales_order", "SO-9", {}, source="bng", site="", kind="hint"))
            assert refused.value.problem == "null"
            assert "Put a skip `when: not bound` before it" in refused.value.hint
