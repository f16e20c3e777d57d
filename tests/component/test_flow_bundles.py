"""Bundles hold flows beside mappings: built, tested, deployed and rolled back together."""

from pathlib import Path

import pytest
from tests.component.test_flow_reload import HOLD, MAPPED_CHANNEL, NAME, NOTHING, SHIPPED, WITH_CHANNEL, put
from tests.support.bridge import site
from tests.support.bundles import installed_at
from tests.support.flows import flow_rig
from tests.support.mappings import TEMPLATES
from tests.support.orders import order

from bng_bridge.bundles.building import Built, build
from bng_bridge.bundles.refused import BundleRefused
from bng_bridge.flow_files.rehearsal import rehearse
from bng_bridge.mapping.findings import MappingFileError
from bridge_common import decimal_json
from bridge_common.errors import DependencyMissing


def built(folder: Path, text: str, reason: str = "orders stay in the shop", *, mapping: str = "") -> Built:
    """A flow with one case, and perhaps a mapping that it is made for."""
    flows, mappings = folder / "flows", folder / "mappings"
    for each in (flows, mappings):
        each.mkdir(parents=True)
    cases = put(flows, text).with_suffix("")
    cases.mkdir()
    (cases / "one.in.json").write_text('{"document": {"increment_id": "1", "state": "payment_review"}}')
    if text == NOTHING:
        (cases / "one.out.json").write_text(decimal_json.dumps({"outcome": "skipped", "reason": reason}))
    else:
        (cases / "one.error.txt").write_text(reason)
    if mapping:
        shipped, own = TEMPLATES / NAME, put(mappings, mapping).with_suffix("")
        own.mkdir()
        (own / "plain.in.json").write_bytes((shipped / "plain.in.json").read_bytes())
        (own / "plain.context.json").write_bytes((shipped / "context.json").read_bytes())
        (own / "plain.out.json").write_bytes((shipped / "plain.out.json").read_bytes())
    return build({"flows": flows, "mappings": mappings}, name="shop", version="1", by="ida")


async def test_a_flow_is_deployed_with_its_bundle_and_goes_with_it(tmp_path: Path) -> None:
    reviewed = built(tmp_path / "a", SHIPPED.replace("steps:\n", HOLD, 1), "order 1 is under review")
    nothing = built(tmp_path / "b", NOTHING)
    assert reviewed.bundle.label.tests.passed, reviewed.examined.findings
    assert {name.split("/")[0] for name in reviewed.bundle.label.files} == {"flows"}
    installation = installed_at(tmp_path, is_production=True)
    async with flow_rig(tmp_path, sites={"shop1": site()}) as rig:
        for each in (nothing, reviewed):
            installation.deploy(each.bundle.pack(), by="ida")
        rig.context.mappings.swap(installation.load().mappings)
        with pytest.raises(DependencyMissing, match="is under review"):
            await rig.order(order(state="payment_review"))
        installation.rollback(by="ida")
        rig.context.mappings.swap(installation.load().mappings)
        assert (await rig.order(order(state="payment_review"))).reason == "orders stay in the shop"


def test_a_bundle_whose_flow_s_case_fails_says_so_and_does_not_count_in_production(tmp_path: Path) -> None:
    made = built(tmp_path / "a", NOTHING, "orders go out")
    assert (made.bundle.label.tests.passed, made.bundle.label.tests.failed) == (False, 1)
    assert "flows/order-to-sales-order/one.in.json:1:1: one: reason is" in made.examined.findings[0]
    with pytest.raises(BundleRefused, match="built with failing tests"):
        installed_at(tmp_path, is_production=True).deploy(made.bundle.pack(), by="ida")


def test_a_flow_and_a_mapping_that_are_made_for_each_other_go_in_one_bundle_or_not_at_all(tmp_path: Path) -> None:
    installation = installed_at(tmp_path)
    alone = built(tmp_path / "a", NOTHING, mapping=MAPPED_CHANNEL)
    assert alone.examined.tests.passed is False
    with pytest.raises(MappingFileError, match="the flow gives no channel"):
        installation.deploy(built(tmp_path / "b", SHIPPED, "", mapping=MAPPED_CHANNEL).bundle.pack(), by="ida")
    installation.deploy(built(tmp_path / "c", WITH_CHANNEL, "", mapping=MAPPED_CHANNEL).bundle.pack(), by="ida")
    files = installation.load().mappings
    flow = files.flows("shop1", "magento/order", "snapshot")
    assert flow is not None
    case = decimal_json.loads((TEMPLATES / NAME / "plain.in.json").read_bytes())
    told = rehearse(flow, files.mappings, {"document": case, "answers": {"buyer": {"customer_id": "C-1"}}})
    assert told["writes"][-1]["body"]["ShipVia"] == "shop1"
