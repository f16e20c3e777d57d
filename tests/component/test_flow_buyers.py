"""For whom a flow file may write a customer: for who bought, whatever else `of` gives."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import site
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import order

from bng_bridge.flow_files.file_set import load_set
from bridge_common.errors import RefusedByFlow

FLOW = """\
on: {event: magento/order, ordered_by: order}
steps:
  - name: customer
    create: bng/customer
    of: OF
    mapping: order-to-customer
"""
GUEST = {"customer_id": None, "customer_is_guest": 1, "customer_email": "guest@example.com"}


def put_in_force(rig: FlowRig, folder: Path, of: str) -> None:
    (folder / "flows").mkdir()
    (folder / "flows" / "order-to-sales-order.yaml").write_text(FLOW.replace("OF", of))
    rig.context.mappings.swap(load_set(None, ("shop1",), folder / "flows"))


@pytest.mark.parametrize(
    ("of", "document"),
    [
        ("\"'a/b/' + text(order.entity_id)\"", {}),
        ("order.entity_id", GUEST),
        ("order.customer_email", GUEST),
        ("\"'guest-order-75'\"", GUEST),
    ],
)
async def test_a_customer_of_an_order_is_who_bought_it(tmp_path: Path, of: str, document: dict[str, Any]) -> None:
    async with flow_rig(tmp_path) as rig:
        # The shop's customer 74 is somebody whom the bridge knows.
        customer = {"id": 74, "lastname": "Berg", "email": "berg@example.com", "created_at": "2026-03-01 08:00:00"}
        assert (await rig.run(rig.claimed("customer", "74", customer))).state == "done"
        put_in_force(rig, tmp_path, of)
        with pytest.raises(RefusedByFlow, match="`of` does not give who bought order 74") as refused:
            await rig.order(order(**document))
        assert "example.com" not in f"{refused.value} {refused.value.hint}"
        assert len(await rig.bng.records("customers")) == 1


@pytest.mark.parametrize("policy", ["per-email", "per-order"])
@pytest.mark.parametrize("document", [{}, GUEST])
async def test_the_buyer_of_an_order_is_always_one(tmp_path: Path, policy: Any, document: dict[str, Any]) -> None:
    async with flow_rig(tmp_path, sites={"shop1": site(guest_policy=policy)}) as rig:
        assert (await rig.order(order(**document))).state == "done"
        assert len(await rig.bng.records("customers")) == 1
