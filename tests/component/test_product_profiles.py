"""A product of BNG is the same one to the shop, whatever ERP plays BNG."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import running_bng
from tests.support.mappings import shipped_mappings

from bng_bridge.sources.hints import listed_hint
from bng_bridge.store import connect

PROFILES = ("bng", "bng-without-keys", "netsuite-like", "bc-like", "frappe-like")
PRODUCT = {
    "SKU": "VASE/A+B",
    "Name": "Vase",
    "ProductType": "STOCK",
    "ListPrice": "19.95",
    "Weight": "0.8",
    "Active": False,
}
SALE = {"SpecialPrice": "9.95", "SpecialPriceFrom": "2026-07-01"}


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_product_is_listed_read_and_mapped(tmp_path: Path, profile: str) -> None:
    async with running_bng(tmp_path, profile=profile) as rig:
        made = await rig.admin("POST", "/records/products", **PRODUCT, **SALE)
        items = [each async for each in rig.client.pages("products", updated_since="2026-01-01T00:00:00.000000Z")]
        (item,) = [each for each in items if each["SKU"] == PRODUCT["SKU"]]
        hint = listed_hint("products", item, connect(tmp_path / "unused.sqlite"))
        assert hint is not None
        assert (hint.entity, hint.entity_id) == ("product", made["ProductID"])
        document = await rig.client.get(f"products/{hint.entity_id}")
    assert document is not None
    mapping = shipped_mappings().current.mappings("", "bng-product-to-product")
    body: dict[str, Any] = mapping(document, is_create=False, was_disabled=None)
    attributes = {each["attribute_code"]: each["value"] for each in body.pop("custom_attributes")}
    assert {name: str(value) for name, value in body.items()} == {
        "sku": "VASE/A+B", "name": "Vase", "price": "19.95", "weight": "0.8", "status": "2",
    }  # fmt: skip
    assert attributes == {"special_price": "9.95", "special_from_date": "2026-07-01", "special_to_date": ""}
