"""The templates as they are shipped: their cases agree and reach all rules, and there is one for each entity."""

from pathlib import Path

import pytest
from tests.support.mappings import TEMPLATES, template
from tests.unit.test_mapping_customers import customer

from bng_bridge.mapping.cases import test_file as run_cases
from bng_bridge.mapping.mapping_file import load
from bng_bridge.mapping.schemas import Schemas

FILES = sorted(TEMPLATES.glob("*.yaml"))


def test_a_customer_s_group_and_segment_lead_to_each_other() -> None:
    there, back = template("customer-with-segment"), template("bng-customer-to-customer")
    for group in (1, 2, 3):
        at_bng = there(customer(group_id=group), external_id="x", is_create=False)
        assert back(at_bng)["group_id"] == group


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_cases_of_a_template_agree_and_reach_every_rule(path: Path) -> None:
    tested = run_cases(path, Schemas())
    assert [str(finding) for finding in tested.findings] == []
    assert [f"{mark.at} {mark.name}" for mark in tested.coverage.missed()] == []
    assert tested.cases >= 2


def test_there_is_a_template_for_each_entity() -> None:
    heads = [load(path).head for path in FILES]
    targets = {head.target_name for head in heads}
    assert {f"bng/{name}" for name in (
        "customer", "sales_order", "product", "inventory_item", "invoice", "payment", "gl_entry", "vendor", "purchase_order",
    )} <= targets  # fmt: skip
    assert {
        "magento/customer",
        "magento/product",
        "magento/source_item",
        "magento/stock_item",
        "magento/ship",
    } <= targets
