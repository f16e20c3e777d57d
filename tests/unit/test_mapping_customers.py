"""Who bought: a registered customer, or a guest by the site's policy."""

from typing import Any

import pytest
from tests.support.mappings import template
from tests.support.orders import ADDRESS, order

from bng_bridge.mapping import customers


def customer(**changes: Any) -> dict[str, Any]:
    plain = {name: value for name, value in ADDRESS.items() if name != "region_code"}
    plain["region"] = {"region_code": "SH", "region": "Schleswig-Holstein", "region_id": 93}
    home, office = {**plain, "id": 1}, {**plain, "id": 2, "city": "Lübeck", "company": "Office GmbH"}
    document = {
        "id": 5, "firstname": "Ida", "lastname": "Brandt", "email": "ida@example.com", "taxvat": "DE1",
        "default_billing": "1", "default_shipping": "2", "addresses": [home, office],
    }  # fmt: skip
    return {**document, **changes}


def guest(email: str | None = "ida@example.com", **changes: Any) -> dict[str, Any]:
    return order(customer_id=None, customer_is_guest=1, customer_email=email, **changes)


def mapped(document: dict[str, Any], *, is_create: bool = False) -> dict[str, Any]:
    return template("customer-to-customer")(document, external_id="shop1-5", is_create=is_create)


def buyer(document: dict[str, Any]) -> dict[str, Any]:
    return template("order-to-customer")(document, external_id="shop1-5")


def address(of_order: dict[str, Any] | None = None, *, of_customer: dict[str, Any] | None = None) -> Any:
    """The address of a sales order, or of a customer."""
    if of_customer is not None:
        document = customer(addresses=[{**of_customer, "id": 1}], default_billing="1", default_shipping=None)
        return mapped(document)["BillingAddress"]
    document = order(billing_address=of_order, extension_attributes=None)
    context = {"external_id": "x", "customer_id": "C", "time_zone": "UTC", "transaction_id": ""}
    return template("order-to-sales-order")(document, **context)["BillingAddress"]


def test_a_customer_has_the_default_addresses() -> None:
    body = mapped(customer())
    assert (body["ExternalID"], body["FirstName"], body["LastName"]) == ("shop1-5", "Ida", "Brandt")
    assert (body["Email"], body["Phone"], body["TaxID"]) == ("ida@example.com", "+49 431 123", "DE1")
    assert (body["CompanyName"], body["BillingAddress"]["City"]) == ("Brandt & Co", "Kiel")
    assert body["ShippingAddress"]["City"] == "Lübeck"


def test_the_region_of_a_customer_s_address_is_its_code() -> None:
    """Magento's customer documents hold the region as an object, order documents as text."""
    body = mapped(customer())
    assert body["BillingAddress"]["State"] == "SH"


def test_the_billing_address_serves_where_there_is_no_other() -> None:
    body = mapped(customer(default_shipping=None))
    assert body["ShippingAddress"] == body["BillingAddress"]


def test_a_customer_without_addresses_has_none_in_bng() -> None:
    """Not an empty one, which would wipe what BNG has."""
    document = customer(addresses=[], default_billing=None, default_shipping=None, taxvat=None)
    body = mapped(document)
    assert not {"BillingAddress", "ShippingAddress", "TaxID"} & body.keys()


def test_payment_terms_are_for_new_customers_only() -> None:
    """What BNG's people agree with the customer later stays."""
    assert mapped(customer(), is_create=True)["PaymentTerms"] == "NET30"
    assert "PaymentTerms" not in mapped(customer())


def test_an_order_tells_enough_of_a_customer() -> None:
    body = buyer(order())
    assert (body["FirstName"], body["Email"], body["TaxID"]) == ("Ida", "ida@example.com", "DE999999999")
    assert body["BillingAddress"]["City"] == "Kiel"


def test_a_guest_has_the_name_of_the_billing_address() -> None:
    body = buyer(guest(customer_firstname=None, customer_lastname=None))
    assert (body["FirstName"], body["LastName"]) == ("Ida", "Brandt")


def test_a_guest_is_one_for_each_address_and_store_view_however_it_is_written() -> None:
    key = customers.guest_key(guest(), "per-email")
    assert customers.guest_key(guest(" IDA@example.com "), "per-email") == key
    assert customers.guest_key(guest("ida@example.org"), "per-email") != key
    assert customers.guest_key(guest(store_id=2), "per-email") != key
    assert customers.guest_key(guest(), "per-email", {"2": "us"}) == key  # a store that is not named stays as it was
    assert "ida" not in key


def test_a_guest_is_one_customer_in_all_stores_of_a_website() -> None:
    websites = {"1": "us", "2": "us", "3": "ca"}
    keys = [customers.guest_key(guest(store_id=store), "per-email", websites) for store in (1, 2, 3)]
    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)


def test_a_guest_may_be_one_for_each_order() -> None:
    assert customers.guest_key(guest(order_id=74), "per-order") == "guest-order-74"
    assert customers.guest_key(guest(order_id=75), "per-order") == "guest-order-75"


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ({"region_code": "NY", "region": "New York"}, "NY"),
        ({"region": "Île-de-France"}, "Île-de-France"),
        ({"region": {"region_code": "NY", "region": "New York", "region_id": 43}}, "NY"),
        ({"region": {"region_code": None, "region": None, "region_id": 0}}, ""),
        ({}, ""),
    ],
)
def test_a_state_is_its_code_where_there_is_one(source: dict[str, Any], state: str) -> None:
    """Order documents hold the region as text beside its code, customer documents hold both in an object."""
    document = {**source, "city": "X"}
    found = address(of_customer=document) if isinstance(source.get("region"), dict) else address(document)
    assert found["State"] == state


def test_street_lines_become_one() -> None:
    found = address({"street": ["17 Hudson Pl", "", 'Apt "4B"']})
    assert found["Street"] == '17 Hudson Pl, Apt "4B"'


@pytest.mark.parametrize("source", [None, {}])
def test_no_address_is_no_address(source: dict[str, Any] | None) -> None:
    assert address(source) is None
