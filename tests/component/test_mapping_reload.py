"""Mapping files while the bridge runs: whose file counts, edits that are put in force, edits that are refused."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.support.bridge import until
from tests.support.flows import FlowRig, flow_rig
from tests.support.mappings import TEMPLATES, shipped, shipped_mappings
from tests.support.orders import order
from watchdog.events import (
    FileClosedNoWriteEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileOpenedEvent,
    FileSystemEvent,
)

from bng_bridge import mapping_reload
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bundles.depot import Depot
from bng_bridge.bundles.installation import Installation
from bng_bridge.deliver import Mapping as Body
from bng_bridge.deliver import Result
from bng_bridge.flow_files import file_set
from bng_bridge.flow_files.file_set import FileSet, load_set
from bng_bridge.mapping.findings import MappingFileError
from bng_bridge.mapping_reload import ALERT, MappingReload
from bng_bridge.target import Write
from bridge_common.errors import MappingError, OutcomeUnknown

NAME = "order-to-sales-order"
CONTEXT = {"external_id": "x", "customer_id": "C", "time_zone": "UTC", "transaction_id": ""}
UPPER = "extends: order-to-sales-order.yaml\nfields:\n  ShipVia: upper(order.shipping_description)\n"
LOWER = UPPER.replace("upper", "lower")
BROKEN = UPPER.replace("shipping_description", "shiping_description")
MISTAKE = "3:24: fields.ShipVia: magento/order has no field shiping_description. Did you mean shipping_description?"


@dataclass
class Rig:
    reload: MappingReload
    alerts: Alerts
    folder: Path

    def write(self, text: str, *, site: str = "", name: str = NAME) -> Path:
        path = self.folder / site / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def ship_via(self, site: str = "shop1") -> str:
        return ship_via(self.reload.mappings.current, site)

    def keys(self) -> list[str]:
        return [each.key for each in self.alerts.active()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mappings"
    made.mkdir()
    return made


@pytest.fixture
async def rig(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(mapping_reload, "QUIET_S", 0.02)
    alerts = Alerts()
    installation = Installation(Depot(folder.with_name("bundles")), {"mappings": folder}, ("shop1", "shop2"))
    return Rig(MappingReload(shipped_mappings(), installation, alerts), alerts, folder)


@pytest.fixture
async def watched(rig: Rig) -> AsyncIterator[Rig]:
    """Until the watch stands: the first file it sees proves it."""
    task = asyncio.create_task(rig.reload.run())

    async def is_seen() -> bool:
        rig.write(LOWER)
        await asyncio.sleep(0.05)
        return rig.ship_via() == "flat rate - fixed"

    await until("the folder is watched", is_seen)
    yield rig
    task.cancel()


def ship_via(mappings: FileSet, site: str = "shop1") -> str:
    return str(mappings(site, NAME)(order(), **CONTEXT)["ShipVia"])


def findings(folder: Path) -> list[str]:
    with pytest.raises(MappingFileError) as refused:
        load_set(folder, ("shop1", "shop2"))
    return [str(each).removeprefix(f"{folder}/") for each in refused.value.findings]


def test_a_file_stands_in_place_of_the_template_of_its_name_and_the_others_stay(folder: Path) -> None:
    (folder / f"{NAME}.yaml").write_text(UPPER)
    found = load_set(folder, ("shop1",))
    assert ship_via(found) == "FLAT RATE - FIXED"
    assert found("shop1", "order-to-customer").path == str(TEMPLATES / "order-to-customer.yaml")
    assert found.identity != shipped().identity


def test_a_site_s_own_file_counts_for_that_site_only_and_may_extend_the_one_of_all(folder: Path) -> None:
    (folder / "shop1").mkdir()
    (folder / f"{NAME}.yaml").write_text(UPPER + "  PaymentDescription: {default: ours}\n")
    (folder / "shop1" / f"{NAME}.yaml").write_text(LOWER)
    found = load_set(folder, ("shop1", "shop2"))
    assert (ship_via(found, "shop1"), ship_via(found, "shop2")) == ("flat rate - fixed", "FLAT RATE - FIXED")
    assert found("shop1", NAME)(order(), **CONTEXT)["PaymentDescription"] == "ours"


def test_an_empty_folder_is_the_templates(folder: Path) -> None:
    assert load_set(folder, ()).identity == shipped().identity


@pytest.mark.parametrize(
    ("path", "text", "finding"),
    [
        (f"{NAME}.yaml", BROKEN, f"{NAME}.yaml:{MISTAKE}"),
        (f"{NAME}.yaml", UPPER + "context:\n  customer: text\n",
         f"{NAME}.yaml:5:3: context.customer: the flow gives no customer to {NAME}.yaml. Did you mean customer_id?"),
        (f"{NAME}.yaml", "extends: order-to-customer.yaml\n",
         f"{NAME}.yaml:1:1: target: {NAME}.yaml is from and to other documents: target bng/sales_order."),
        ("shpo1/order-to-customer.yaml", "extends: order-to-customer.yaml\n",
         "shpo1/order-to-customer.yaml:1:1: there is no site shpo1. Did you mean shop1?"),
        (f"{NAME}.yaml", "", f"{NAME}.yaml:1:1: is no YAML mapping (KEY: VALUE lines)."),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_column(folder: Path, path: str, text: str, finding: str) -> None:
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text(text)
    assert finding in findings(folder)


def test_a_folder_that_is_gone_is_a_mistake_and_not_the_templates(tmp_path: Path) -> None:
    assert findings(tmp_path / "none") == [f"{tmp_path}/none:1:1: is no folder of mapping files."]


def test_all_mistakes_of_all_files_are_named(folder: Path) -> None:
    (folder / f"{NAME}.yaml").write_text(BROKEN)
    (folder / "order-to-customer.yaml").write_text("extends: order-to-customer.yaml\nfields: {Name: order.state}\n")
    assert len(findings(folder)) == 2


async def test_an_edit_is_put_in_force_and_a_changed_name_of_its_set_tells(rig: Rig) -> None:
    rig.write(UPPER)
    before = rig.reload.mappings.current.identity
    assert await rig.reload.reload() == ()
    assert rig.ship_via() == "FLAT RATE - FIXED"
    assert rig.reload.mappings.current.identity != before


async def test_a_refused_edit_changes_nothing_and_is_an_alert_until_a_good_one(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("bridge"), "propagate", True)
    rig.write(UPPER)
    await rig.reload.reload()
    kept = rig.reload.mappings.current
    rig.write(BROKEN)
    (finding,) = await rig.reload.reload()
    assert rig.reload.mappings.current is kept
    assert rig.reload.mappings.refused == str(finding)
    (alert,) = rig.alerts.active()
    assert (alert.key, alert.hint) == (ALERT, f"bridgectl map check {rig.folder}; bridgectl map test {rig.folder}")
    assert "3:24: fields.ShipVia" in alert.subject
    caplog.clear()
    caplog.set_level(logging.INFO, "bridge")
    rig.write(LOWER)
    await rig.reload.reload()
    assert (rig.keys(), rig.reload.mappings.refused, rig.ship_via()) == ([], "", "flat rate - fixed")
    assert [line.getMessage().split()[0] for line in caplog.records] == ["action=alert_ended", "action=reloaded"]


async def test_taking_a_broken_edit_back_ends_the_alert(rig: Rig) -> None:
    path = rig.write(BROKEN)
    await rig.reload.reload()
    path.unlink()
    assert (await rig.reload.reload(), rig.keys(), rig.reload.mappings.current) == ((), [], shipped())


async def test_an_edit_whose_cases_fail_is_refused(rig: Rig) -> None:
    cases = rig.write(UPPER).with_suffix("")
    cases.mkdir()
    given = TEMPLATES / NAME
    for name in ("context.json", "plain.in.json", "plain.out.json"):
        (cases / name).write_bytes((given / name).read_bytes())
    (finding,) = await rig.reload.reload()
    assert "ShipVia is" in str(finding)
    assert rig.ship_via() == "Flat Rate - Fixed"


async def test_a_bug_in_a_plug_in_refuses_the_edit_and_stops_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> FileSet:
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patched:
        patched.setattr(file_set, "load_set", bug)
        (finding,) = await rig.reload.reload()
    assert "cannot be checked: ZeroDivisionError('oops')" in str(finding)
    assert (rig.keys(), await rig.reload.reload(), rig.keys()) == ([ALERT], (), [])


async def test_the_folder_is_watched_and_a_file_moved_over_another_is_seen(watched: Rig) -> None:
    """As editors write, and deployments."""
    newer = watched.folder / ".order.swp"
    newer.write_text(UPPER)
    newer.replace(watched.folder / f"{NAME}.yaml")
    await until("the new file counts", lambda: watched.ship_via() == "FLAT RATE - FIXED")


async def test_a_site_s_folder_made_later_is_watched_too(watched: Rig) -> None:
    watched.write(UPPER, site="shop2")
    await until("the site's file counts", lambda: watched.ship_via("shop2") == "FLAT RATE - FIXED")
    assert watched.ship_via("shop1") == "flat rate - fixed"


async def test_a_file_that_is_written_in_pieces_is_refused_until_it_is_whole(watched: Rig) -> None:
    with (watched.folder / f"{NAME}.yaml").open("w") as file:
        file.write(UPPER[: UPPER.index("(")])
        file.flush()
        await until("the piece is refused", lambda: watched.keys() == [ALERT])
        assert watched.ship_via() == "flat rate - fixed"
        file.write(UPPER[UPPER.index("(") :])
    await until("the whole counts", lambda: watched.ship_via() == "FLAT RATE - FIXED")
    await until("the alert ends", lambda: watched.keys() == [])


@pytest.mark.parametrize(
    ("event", "is_change"),
    [
        (FileModifiedEvent("a.yaml"), True), (FileCreatedEvent("a.yaml"), True), (FileDeletedEvent("a.yaml"), True),
        (FileMovedEvent("a.yaml", "b.yaml"), True), (FileOpenedEvent("a.yaml"), False),
        (FileClosedNoWriteEvent("a.yaml"), False),
    ],
)  # fmt: skip
async def test_reading_the_files_is_no_change_of_them(event: FileSystemEvent, is_change: bool) -> None:
    """Or every reload would ask for the next."""
    asked = asyncio.Event()
    mapping_reload.Watcher(asked.set).on_any_event(event)
    await asyncio.sleep(0)
    assert asked.is_set() == is_change


async def test_a_folder_that_cannot_be_watched_is_told_and_can_be_reloaded(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("bridge"), "propagate", True)
    rig.folder.rmdir()
    task = asyncio.create_task(rig.reload.run())
    await until("the alert", lambda: "cannot be watched" in caplog.text)
    rig.folder.mkdir()
    rig.write(UPPER)
    rig.reload.ask()
    await until("the new file counts", lambda: rig.ship_via() == "FLAT RATE - FIXED")
    task.cancel()


async def flow_with(rig: FlowRig, folder: Path, text: str) -> None:
    (folder / f"{NAME}.yaml").write_text(text)
    rig.context.mappings.swap(load_set(folder, ("shop1",)))


def steps(rig: FlowRig) -> list[tuple[str, str, str]]:
    rows = rig.store.read.execute("SELECT target_key, action, mapping FROM step ORDER BY id")
    return [tuple(row) for row in rows]


async def test_every_write_names_its_mapping_and_a_changed_mapping_writes_again(tmp_path: Path, folder: Path) -> None:
    async with flow_rig(tmp_path) as rig:
        await rig.order(order())
        await rig.order(order())
        first = rig.context.mappings("shop1", NAME).identity
        assert steps(rig) == [
            ("shop1/customer/5/customer", "created", rig.context.mappings("shop1", "order-to-customer").identity),
            ("shop1/order/74/sales_order", "created", first),
        ]
        await flow_with(rig, folder, UPPER)
        await rig.order(order())
        second = rig.context.mappings("shop1", NAME).identity
        assert second != first
        assert steps(rig)[2:] == [("shop1/order/74/sales_order", "updated", second)]
        (sales_order,) = await rig.bng.records("sales_orders")
        assert sales_order["ShipVia"] == "FLAT RATE - FIXED"


async def test_a_flow_ends_on_the_mappings_that_it_began_with(tmp_path: Path, folder: Path) -> None:
    async with flow_rig(tmp_path) as rig:
        through = rig.context.deliver

        async def reloading(seq: int, write: Write, body: Body) -> Result:
            """The files change between the customer and the sales order."""
            done = await through(seq, write, body)
            await flow_with(rig, folder, UPPER)
            return done

        rig.context = replace(rig.context, deliver=reloading)  # type: ignore[arg-type]
        await rig.order(order())
        (sales_order,) = await rig.bng.records("sales_orders")
        assert sales_order["ShipVia"] == "Flat Rate - Fixed"
        await rig.order(order(order_id=75))
        assert [each["ShipVia"] for each in await rig.bng.records("sales_orders")][1] == "FLAT RATE - FIXED"


async def test_a_mapping_may_not_take_away_the_name_by_which_a_record_is_found(tmp_path: Path, folder: Path) -> None:
    async with flow_rig(tmp_path) as rig:
        await flow_with(rig, folder, UPPER + "  ExternalID: order.increment_id\n")
        with pytest.raises(MappingError, match="ExternalID is '000000074', and must be 'shop1-74'"):
            await rig.order(order())
        assert await rig.bng.records("sales_orders") == []


async def test_an_intent_keeps_the_mapping_that_made_its_body(tmp_path: Path, folder: Path) -> None:
    """Resolved later, under another mapping: what is at the target is what the first one gave."""
    async with flow_rig(tmp_path, no_keys=True) as rig:
        first = rig.context.mappings("shop1", NAME).identity
        await rig.bng.fault("cut_after", method="POST", path="/sales-orders$")
        with pytest.raises(OutcomeUnknown):
            await rig.order(order())
        (row,) = rig.store.read.execute("SELECT mapping FROM intent").fetchall()
        assert row["mapping"] == first
        await flow_with(rig, folder, UPPER)
        await rig.order(order())
        assert [each for each in steps(rig) if each[0].endswith("sales_order")] == [
            ("shop1/order/74/sales_order", "resolved", first),
            ("shop1/order/74/sales_order", "updated", rig.context.mappings("shop1", NAME).identity),
        ]
