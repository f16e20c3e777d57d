"""Customers of the sandbox shop over REST."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Rows = Callable[..., list[dict[str, Any]]]
ADDRESS = {
    "region": {"region": "Berlin", "region_code": "BER", "region_id": 82},
    "region_id": 82,
    "country_id": "DE",
    "street": ["Oderberger Str. 4", "Hof"],
    "telephone": "030 555",
    "postcode": "10435",
    "city": "Berlin",
    "firstname": "Zoë",
    "lastname": "Adler",
    "company": "Adler & Söhne",
    "default_billing": True,
    "default_shipping": True,
}


def create(api: Server, email: str = "zoe@example.com", **fields: Any) -> dict[str, Any]:
    customer = {"email": email, "firstname": "Zoë", "lastname": "Adler", "addresses": [ADDRESS], **fields}
    created: dict[str, Any] = api.post("/rest/V1/customers", customer=customer)
    return created


def change(api: Server, customer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    kept = {name: customer[name] for name in ("id", "email", "firstname", "lastname", "website_id")}
    changed: dict[str, Any] = api.call("PUT", f"/rest/V1/customers/{customer['id']}", {"customer": kept | fields})
    return changed


def test_a_new_customer_has_the_addresses_sent(api: Server) -> None:
    created = create(api)
    assert api.get(f"/rest/V1/customers/{created['id']}") == created
    (address,) = created["addresses"]
    assert created["default_billing"] == created["default_shipping"] == str(address["id"])
    assert {name: address[name] for name in ADDRESS} == ADDRESS
    assert created["extension_attributes"] == {"is_subscribed": False}


def test_creating_a_customer_takes_three_transactions(api: Server, rows: Rows) -> None:
    rows("CREATE TABLE seen (name varchar(64), trx bigint)")
    for table in ("customer_entity", "customer_address_entity"):
        for event in ("INSERT", "UPDATE"):
            rows(
                f"CREATE TRIGGER seen_{table}_{event} AFTER {event} ON {table} FOR EACH ROW INSERT INTO seen "
                f"SELECT '{event} {table}', trx_id FROM information_schema.innodb_trx "
                "WHERE trx_mysql_thread_id = CONNECTION_ID()"
            )
    create(api)
    seen = rows("SELECT name, trx FROM seen")
    assert [row["name"] for row in seen] == [
        "INSERT customer_entity",
        "INSERT customer_address_entity",
        "UPDATE customer_entity",
        "UPDATE customer_entity",
    ]


def test_the_same_email_twice_is_refused(api: Server) -> None:
    create(api)
    with pytest.raises(CallFailed, match="same email address already exists"):
        create(api)


def test_addresses_left_out_are_kept_and_an_empty_list_deletes_them(api: Server) -> None:
    created = create(api)
    changed = change(api, created, taxvat="DE129273398")
    assert (changed["taxvat"], changed["addresses"]) == ("DE129273398", created["addresses"])
    emptied = change(api, created, addresses=[])
    assert emptied["addresses"] == []
    assert emptied["taxvat"] == "DE129273398"
    assert "default_billing" not in emptied


def test_an_address_with_its_id_is_changed_in_place(api: Server) -> None:
    created = create(api)
    moved = {**created["addresses"][0], "city": "Potsdam"}
    changed = change(api, created, addresses=[moved])
    assert [(each["id"], each["city"]) for each in changed["addresses"]] == [(moved["id"], "Potsdam")]


def test_an_unchanged_put_rewrites_the_password_token(api: Server, rows: Rows) -> None:
    created = create(api)
    (before,) = rows("SELECT rp_token FROM customer_entity")
    change(api, created)
    assert rows("SELECT rp_token FROM customer_entity") != [before]


def test_a_new_email_is_written_into_old_orders(shop: ShopAdmin, api: Server) -> None:
    created = create(api)
    placed = shop.checkout("simple", customer_id=created["id"])
    change(api, created, email="zoe.adler@example.com")
    assert api.get(f"/rest/V1/orders/{placed['order_id']}")["customer_email"] == "zoe.adler@example.com"


def test_unknown_attributes_are_dropped_silently(api: Server) -> None:
    changed = change(api, create(api), custom_attributes=[{"attribute_code": "bng_id", "value": "7"}])
    assert "custom_attributes" not in changed


def test_the_newsletter_can_be_subscribed(api: Server) -> None:
    created = create(api)
    assert change(api, created, extension_attributes={"is_subscribed": True})["extension_attributes"] == {
        "is_subscribed": True
    }
    assert change(api, created, extension_attributes={"is_subscribed": False})["extension_attributes"] == {
        "is_subscribed": False
    }


def test_a_deleted_customer_leaves_orders_that_are_no_guests(shop: ShopAdmin, api: Server) -> None:
    created = create(api)
    placed = shop.checkout("simple", customer_id=created["id"])
    assert api.call("DELETE", f"/rest/V1/customers/{created['id']}") is True
    document = api.get(f"/rest/V1/orders/{placed['order_id']}")
    assert "customer_id" not in document
    assert document["customer_is_guest"] == 0
    with pytest.raises(CallFailed, match="No such entity"):
        api.get(f"/rest/V1/customers/{created['id']}")


def test_customers_are_found_by_email(api: Server) -> None:
    create(api)
    create(api, "other@example.com")
    found = api.get(
        "/rest/V1/customers/search?searchCriteria[filter_groups][0][filters][0][field]=email"
        "&searchCriteria[filter_groups][0][filters][0][value]=%25adler%25,zoe@example.com"
        "&searchCriteria[filter_groups][0][filters][0][condition_type]=in"
    )
    assert [each["email"] for each in found["items"]] == ["zoe@example.com"]
