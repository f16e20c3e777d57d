"""Products and stock of the sandbox shop over REST."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin
from bridge_sandbox.catalogue import PRODUCTS

Rows = Callable[..., list[dict[str, Any]]]
SOURCE_ITEMS = "/rest/V1/inventory/source-items"


def set_stock(api: Server, sku: str, quantity: Any, source: str = "default") -> None:
    item = {"sku": sku, "source_code": source, "quantity": quantity, "status": 1}
    assert api.post(SOURCE_ITEMS, sourceItems=[item]) == []


def get_stock(api: Server, sku: str) -> list[dict[str, Any]]:
    query = {
        "searchCriteria[filterGroups][0][filters][0][field]": "sku",
        "searchCriteria[filterGroups][0][filters][0][value]": sku,
    }
    found: list[dict[str, Any]] = api.get(f"{SOURCE_ITEMS}?{urlencode(query)}")["items"]
    return found


def salable(api: Server, sku: str) -> Any:
    return api.get(f"/rest/V1/inventory/get-product-salable-quantity/{quote(sku, safe='')}/1")


def test_a_stock_write_sets_the_quantity_and_an_equal_one_changes_no_row(shop: ShopAdmin, api: Server) -> None:
    set_stock(api, "LAMP/DESK 1", 12.5)
    set_stock(api, "LAMP/DESK 1", 12.5)
    assert get_stock(api, "LAMP/DESK 1") == [
        {"sku": "LAMP/DESK 1", "source_code": "default", "quantity": Decimal("12.5"), "status": 1}
    ]
    assert shop.book()["stock_writes"] == 1


def test_an_unknown_sku_makes_a_row_that_belongs_to_nothing(api: Server) -> None:
    set_stock(api, "NO-SUCH", 1)
    assert len(get_stock(api, "NO-SUCH")) == 1


def test_one_unknown_source_fails_the_whole_call(api: Server) -> None:
    good = {"sku": "TEE-S", "source_code": "default", "quantity": 5, "status": 1}
    with pytest.raises(CallFailed, match="Could not save Source Item"):
        api.post(SOURCE_ITEMS, sourceItems=[good, {**good, "source_code": "nope"}])
    assert get_stock(api, "TEE-S")[0]["quantity"] == 100_000


def test_a_sku_in_another_case_is_the_same_and_a_negative_quantity_is_accepted(api: Server) -> None:
    set_stock(api, "tee-s", -5)
    assert [item["quantity"] for item in get_stock(api, "TEE-S")] == [-5]


def test_salable_is_what_the_open_orders_leave(shop: ShopAdmin, api: Server) -> None:
    shop.checkout(lines=[{"sku": "NUT+M4", "qty": 30}])
    assert salable(api, "NUT+M4") == 99_970
    set_stock(api, "NUT+M4", 40)
    assert salable(api, "NUT+M4") == 10


def test_a_product_is_found_by_its_encoded_sku(api: Server) -> None:
    for sku in ("LAMP/DESK 1", "NUT+M4", "POT 12CM", "MUG-WHITE"):
        assert api.get(f"/rest/all/V1/products/{quote(sku, safe='')}")["sku"] == sku


def test_a_bundle_tells_how_it_is_priced_and_shipped(api: Server) -> None:
    told = {}
    for sku in ("SET-FIXED", "SET-DYN"):
        attributes = api.get(f"/rest/V1/products/{sku}")["custom_attributes"]
        values = {each["attribute_code"]: each["value"] for each in attributes}
        told[sku] = (values["price_type"], values["shipment_type"])
    assert told == {"SET-FIXED": ("1", "0"), "SET-DYN": ("0", "1")}


def test_an_unknown_product_is_not_found(api: Server) -> None:
    with pytest.raises(CallFailed, match="The product that was requested doesn't exist"):
        api.get("/rest/V1/products/NO-SUCH")


def test_all_products_can_be_listed(api: Server) -> None:
    found = api.get("/rest/V1/products?searchCriteria[pageSize]=100&fields=items[sku,type_id,price],total_count")
    assert found["total_count"] == len(PRODUCTS)
    assert {"sku": "NUT+M4", "type_id": "simple", "price": Decimal("0.333")} in found["items"]
