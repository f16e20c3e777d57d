"""searchCriteria, fields, tokens and errors of the sandbox shop's REST API."""

from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin
from bridge_sandbox.shop.criteria import project, read_criteria, read_fields


def criterion(field: str, value: Any, condition: str | None = None, group: int = 0, place: int = 0) -> dict[str, Any]:
    root = f"searchCriteria[filter_groups][{group}][filters][{place}]"
    parts = {f"{root}[field]": field, f"{root}[value]": value}
    return parts | ({f"{root}[condition_type]": condition} if condition else {})


def found_ids(api: Server, query: dict[str, Any], path: str = "/rest/V1/orders") -> list[int]:
    answer = api.get(f"{path}?{urlencode(query)}&fields=items[entity_id]")
    return [item["entity_id"] for item in answer["items"] or []]


@pytest.fixture
def three_orders(shop: ShopAdmin) -> list[int]:
    emails = ("a@example.com", "b@example.com", "c@example.com")
    return [shop.checkout("simple", guest_email=email)["order_id"] for email in emails]


CONDITIONS: list[tuple[str, str, str | None, list[int]]] = [
    ("entity_id", "2", None, [2]),
    ("entity_id", "2", "eq", [2]),
    ("entity_id", "2", "neq", [1, 3]),
    ("entity_id", "1,3", "in", [1, 3]),
    ("entity_id", "1,3", "nin", [2]),
    ("entity_id", "2", "gt", [3]),
    ("entity_id", "2", "gteq", [2, 3]),
    ("entity_id", "2", "from", [2, 3]),
    ("entity_id", "2", "lt", [1]),
    ("entity_id", "2", "lteq", [1, 2]),
    ("entity_id", "2", "to", [1, 2]),
    ("customer_email", "b@%", "like", [2]),
    ("customer_id", "", "null", [1, 2, 3]),
    ("customer_id", "", "notnull", []),
    ("entity_id", "2", "bogus", [2]),
    ("created_at", "2020-01-01 00:00:00", "gteq", [1, 2, 3]),
    ("created_at", "2020-01-01T00:00:00Z", "gteq", [1, 2, 3]),
    ("increment_id", "000000003", "eq", [3]),
]


@pytest.mark.usefixtures("three_orders")
def test_a_condition_finds_what_it_says(api: Server) -> None:
    for field, value, condition, expected in CONDITIONS:
        assert found_ids(api, criterion(field, value, condition)) == expected, (field, value, condition)


@pytest.mark.usefixtures("three_orders")
def test_groups_are_joined_by_and_filters_by_or(api: Server) -> None:
    query = (
        criterion("entity_id", 1, group=0, place=0)
        | criterion("entity_id", 3, group=0, place=1)
        | criterion("entity_id", 2, "gt", group=1)
    )
    assert found_ids(api, query) == [3]


@pytest.mark.usefixtures("three_orders")
def test_pages_are_sorted_and_counted_and_past_the_end_there_is_nothing(api: Server) -> None:
    query = {
        "searchCriteria[sortOrders][0][field]": "entity_id",
        "searchCriteria[sortOrders][0][direction]": "DESC",
        "searchCriteria[pageSize]": 2,
    }
    assert found_ids(api, query) == [3, 2]
    assert found_ids(api, query | {"searchCriteria[currentPage]": 2}) == [1]
    past = api.get(f"/rest/V1/orders?{urlencode(query | {'searchCriteria[currentPage]': 9})}")
    assert past["items"] == []
    assert past["total_count"] == 3
    assert past["search_criteria"] == {
        "filter_groups": [],
        "sort_orders": [{"field": "entity_id", "direction": "DESC"}],
        "page_size": 2,
        "current_page": 9,
    }


@pytest.mark.usefixtures("three_orders")
def test_only_the_fields_asked_for_are_shown(api: Server) -> None:
    query = criterion("entity_id", 1) | {"fields": "items[entity_id,billing_address[city],items[sku]],total_count"}
    assert api.get(f"/rest/V1/orders?{urlencode(query)}") == {
        "items": [{"entity_id": 1, "billing_address": {"city": "Köln"}, "items": [{"sku": "MUG-WHITE"}]}],
        "total_count": 1,
    }
    nothing = criterion("entity_id", 999) | {"fields": "items[entity_id],total_count"}
    assert api.get(f"/rest/V1/orders?{urlencode(nothing)}") == {"items": None, "total_count": 0}


def test_a_search_without_criteria_is_refused(api: Server) -> None:
    with pytest.raises(CallFailed, match="400") as failed:
        api.get("/rest/V1/orders")
    assert '"fieldName": "searchCriteria"' in failed.value.body


def test_an_unknown_field_is_an_internal_error(api: Server) -> None:
    for query in (
        criterion("nope", 1),
        {"searchCriteria[sortOrders][0][field]": "nope"},
        criterion("entity_id` = 1 OR 1 = 1 -- ", 1),
    ):
        with pytest.raises(CallFailed, match="Internal Error") as failed:
            api.get(f"/rest/V1/orders?{urlencode(query)}")
        assert failed.value.status == 500


ABSENT = [
    ("/rest/V1/orders/99999", 404, "The entity that was requested doesn't exist"),
    ("/rest/V1/orders/abc", 400, "type is invalid"),
    ("/rest/V1/nope", 404, "Request does not match any route."),
    ("/rest/nostore/V1/orders/1", 400, "Specified request cannot be processed."),
    ("/rest/V1/shipment/7", 404, "The entity that was requested doesn't exist"),
    ("/rest/V1/customers/7", 404, "No such entity with %fieldName = %fieldValue"),
]


def test_what_is_not_there_is_told_in_magentos_words(api: Server) -> None:
    for path, status, message in ABSENT:
        with pytest.raises(CallFailed, match=message) as failed:
            api.get(path)
        assert failed.value.status == status, path


def test_missing_and_wrong_tokens_get_the_same_answer(api: Server) -> None:
    for header in ("", "Bearer ", "Bearer wrong", "Basic token-of-the-test"):
        anonymous = Server(api.url, {"Authorization": header} if header else {})
        with pytest.raises(CallFailed, match="isn't authorized to access %resources") as failed:
            anonymous.get("/rest/V1/orders/1")
        assert failed.value.status == 401, header


def test_an_admin_gets_a_token_for_the_password(api: Server) -> None:
    anonymous = Server(api.url)
    token = anonymous.post("/rest/V1/integration/admin/token", username="admin", password="token-of-the-test")
    assert Server(api.url, {"Authorization": f"Bearer {token}"}).get("/rest/V1/store/storeConfigs")
    with pytest.raises(CallFailed, match="sign-in was incorrect"):
        anonymous.post("/rest/V1/integration/admin/token", username="admin", password="wrong")


def test_a_store_and_a_country_describe_themselves(api: Server) -> None:
    (store,) = api.get("/rest/V1/store/storeConfigs")
    assert (store["code"], store["timezone"], store["base_currency_code"]) == ("default", "Europe/Berlin", "EUR")
    assert store["base_url"] == f"{api.url}/"
    regions = api.get("/rest/V1/directory/countries/DE")["available_regions"]
    assert {"id": "88", "code": "NRW", "name": "Nordrhein-Westfalen"} in regions


def test_what_is_no_json_is_refused(api: Server) -> None:
    connection = HTTPConnection(api.url.removeprefix("http://"), timeout=10)
    headers = {"Authorization": "Bearer token-of-the-test", "Content-Type": "application/json"}
    connection.request("POST", "/rest/V1/orders/1/comments", b'{"statusHistory": ', headers)
    response = connection.getresponse()
    assert (response.status, response.read()) == (400, b'{"message": "Decoding error."}')
    connection.close()


def test_a_call_is_counted_under_its_pattern(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    for _ in range(2):
        api.get(f"/rest/V1/orders/{placed['order_id']}")
    api.get(f"/rest/all/V1/products/{quote('LAMP/DESK 1', safe='')}")
    counted = {route: count for route, count in shop.calls().items() if count}
    assert counted == {"GET /rest/V1/orders/{id}": 2, "GET /rest/{store}/V1/products/{sku}": 1}


def test_a_fault_answers_in_magentos_form_and_a_later_call_is_served(shop: ShopAdmin, api: Server) -> None:
    shop.fault("status", status=400, path="/storeConfigs")
    with pytest.raises(CallFailed, match='"message"'):
        api.get("/rest/V1/store/storeConfigs")
    assert api.get("/rest/V1/store/storeConfigs")


def test_camel_case_and_snake_case_are_the_same() -> None:
    camel = read_criteria([("searchCriteria[filterGroups][0][filters][0][conditionType]", "gt")])
    snake = read_criteria([("search_criteria[filter_groups][0][filters][0][condition_type]", "gt")])
    assert camel == snake
    assert camel.groups[0][0].condition == "gt"


def test_fields_are_read_to_any_depth() -> None:
    fields = read_fields("items[a,b[c,d]],total_count")
    document = {"items": [{"a": 1, "b": {"c": 2, "d": 3, "e": 4}, "f": 5}], "total_count": 1, "other": 0}
    assert project(document, fields) == {"items": [{"a": 1, "b": {"c": 2, "d": 3}}], "total_count": 1}
