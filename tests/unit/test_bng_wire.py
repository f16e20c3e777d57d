"""Records between BNG's names and an ERP's: nothing is lost, nothing is rounded, and BNG's own shape costs nothing."""

from decimal import Decimal
from typing import Any

import pytest
from tests.support.fifth_profile import FIFTH_PROFILE

from bng_bridge.bng import profile_file
from bng_bridge.bng.fields import RESOURCES
from bng_bridge.bng.wire import Wire
from bridge_common import decimal_json
from bridge_common.errors import MappingError
from bridge_sandbox.bng import samples

SHIPPED = profile_file.shipped()
ADDRESS = {"Street": "Kai 1", "City": "Ulm", "State": "BW", "Zip": "089073", "Country": "DE"}
ORDER = samples.order(
    "100001", ("MUG-WHITE", "3", "0.333"), ("TEE-S", "2.5", "99999999999999.99"), ExternalID="shop1-74",
    OrderStatus=20, BillingAddress=ADDRESS, ShippingAddress=ADDRESS | {"City": "Bonn"}, ShipVia="DHL",
)  # fmt: skip


def wire_of(text: str) -> Wire:
    return Wire(profile_file.parse(text, "test.yaml"))


def wires() -> list[Any]:
    named = [pytest.param(Wire(profile_file.load(name)), id=name) for name in SHIPPED]
    return [*named, pytest.param(wire_of(FIFTH_PROFILE), id="a fifth one")]


@pytest.mark.parametrize("wire", wires())
def test_what_goes_out_comes_back_the_same_through_json(wire: Wire) -> None:
    sent = decimal_json.loads(decimal_json.dumps(wire.outward("sales-orders", ORDER, is_new=True)))
    back = wire.inward_part("sales-orders", sent)
    assert {name: value for name, value in back.items() if name in ORDER} == ORDER


@pytest.mark.parametrize("resource", RESOURCES)
def test_bng_s_own_records_are_not_copied(resource: str) -> None:
    wire, record = Wire(profile_file.load("bng")), {"Version": 1, "Anything": "1"}
    assert wire.outward(resource, record, is_new=True) is record
    assert wire.inward(resource, record) is record


def test_amounts_as_numbers_keep_their_digits() -> None:
    sent = wire_of("formats: { amounts: number }").outward("customers", {"CreditLimit": "12345678901234567.10"})
    assert decimal_json.dumps(sent) == '{"CreditLimit":12345678901234567.10}'


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(5, "5.00"), (Decimal("5.5"), "5.50"), (Decimal("0.333"), "0.333"), ("7.00", "7.00"), (None, None)],
)
def test_an_amount_is_read_as_decimal_text(theirs: Any, ours: Any) -> None:
    assert wire_of("formats: { amounts: number }").inward_part("customers", {"CreditLimit": theirs}) == {
        "CreditLimit": ours
    }


@pytest.mark.parametrize(
    ("formats", "theirs", "ours"),
    [
        ("times: rfc3339", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("times: rfc3339, amounts: number", "2026-01-31T13:00:00.1234567+01:00", "2026-01-31T12:00:00.123456Z"),
        ("times: '%Y-%m-%d %H:%M:%S.%f', zone: Asia/Kolkata", "2026-01-31 17:30:00.5", "2026-01-31T12:00:00.500000Z"),
        ("times: '%Y-%m-%dT%H:%M:%S%z', zone: Asia/Kolkata", "2026-01-31T13:00:00+0100", "2026-01-31T12:00:00.000000Z"),
    ],
)
def test_a_time_is_read_as_the_bridge_writes_it(formats: str, theirs: str, ours: str) -> None:
    wire = wire_of(f"formats: {{ {formats} }}\nresources: {{ customers: {{ fields: {{ UpdatedAt: changed }} }} }}")
    assert wire.inward_part("customers", {"changed": theirs}) == {"UpdatedAt": ours}


def test_a_time_since_which_is_asked_is_never_later_than_it_was() -> None:
    """The ERP's format has whole seconds: a fraction is cut off, not rounded up."""
    wire = wire_of("formats: { times: '%Y-%m-%dT%H:%M:%SZ' }")
    assert wire.value_of("shipments", "UpdatedAt", "2026-01-31T12:00:00.999999Z") == "2026-01-31T12:00:00Z"


def test_what_is_no_time_is_told_with_its_form() -> None:
    with pytest.raises(MappingError, match="'yesterday', which is no time of the form %Y"):
        wire_of("formats: { times: '%Y-%m-%d %H:%M:%S' }").inward_part("customers", {"UpdatedAt": "yesterday"})


@pytest.mark.parametrize("said", ["2026-03-02", "", 7, ["02.03.2026"]])
def test_a_date_in_another_form_is_told_with_the_form_that_is_wanted(said: Any) -> None:
    with pytest.raises(MappingError, match=r"no date of the form %d\.%m\.%Y"):
        wire_of("formats: { dates: '%d.%m.%Y' }").inward_part("sales-orders", {"OrderDate": said})


STATUSES = """
resources:
  sales-orders:
    fields: { OrderStatus: { name: state, values: { 10: open, 20: [picking, packed] } } }
"""


def test_of_several_words_the_first_is_written_and_all_are_read() -> None:
    wire = wire_of(STATUSES)
    assert wire.outward("sales-orders", {"OrderStatus": 20}) == {"state": "picking"}
    assert wire.inward_part("sales-orders", {"state": "packed"}) == {"OrderStatus": 20}


def test_a_word_that_the_profile_does_not_know_is_read_as_it_is_and_never_written() -> None:
    wire = wire_of(STATUSES)
    assert wire.inward_part("sales-orders", {"state": "audited"}) == {"OrderStatus": "audited"}
    with pytest.raises(MappingError, match="no word for OrderStatus 90"):
        wire.outward("sales-orders", {"OrderStatus": 90})


def test_parts_without_a_name_stand_in_the_record_itself() -> None:
    wire = wire_of(
        "resources: { customers: { fields: { BillingAddress: { fields: { Street: line/1, City: town } } } } }"
    )
    assert wire.outward("customers", {"BillingAddress": ADDRESS, "Phone": "1"}) == {
        "line": {"1": "Kai 1"}, "town": "Ulm", "State": "BW", "Zip": "089073", "Country": "DE", "Phone": "1",
    }  # fmt: skip
    found = wire.inward_part("customers", {"line": {"1": "Kai 1"}, "town": "Ulm", "colour": "red"})
    assert found == {"BillingAddress": {"Street": "Kai 1", "City": "Ulm"}, "colour": "red"}


def test_constants_are_in_new_records_only_and_what_is_omitted_in_none() -> None:
    wire = wire_of("resources: { customers: { omit: [Segment], always: { company/id: ACME } } }")
    body = {"Segment": "a", "Phone": "1"}
    assert wire.outward("customers", body, is_new=True) == {"Phone": "1", "company": {"id": "ACME"}}
    assert wire.outward("customers", body) == {"Phone": "1"}


def test_a_record_without_a_version_has_one_of_its_content() -> None:
    wire = Wire(profile_file.load("netsuite-like"))
    first, same, other = (wire.inward("inventory-items", {"id": "1", "quantityOnHand": count}) for count in (1, 1, 2))
    assert first["Version"] == same["Version"] != other["Version"]


def test_an_id_that_is_a_number_is_text_inside() -> None:
    wire = wire_of("resources: { sales-orders: { fields: { CustomerID: { name: partner/id, type: number } } } }")
    assert wire.outward("sales-orders", {"CustomerID": "7"}) == {"partner": {"id": 7}}
    assert wire.inward_part("sales-orders", {"partner": {"id": 7}}) == {"CustomerID": "7"}
    with pytest.raises(MappingError, match="'C-7' is no number"):
        wire.outward("sales-orders", {"CustomerID": "C-7"})
