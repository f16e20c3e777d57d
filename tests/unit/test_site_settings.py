"""A site's table as flow files see it, and its rules for export."""

import pytest
from pydantic import ValidationError
from tests.support.bridge import site

from bng_bridge.config import ExportRule
from bng_bridge.flows.settings import settings_of


def test_a_store_s_documents_have_its_time_zone_and_all_others_the_site_s() -> None:
    shop = site(time_zone="Europe/Berlin", stores={"2": {"time_zone": "America/Chicago"}, "3": {"website": "us"}})
    zones = [
        settings_of("zones", shop, document)["time_zone"]
        for document in ({"store_id": 1}, {"store_id": 2}, {"store_id": 3})
    ]
    assert zones == ["Europe/Berlin", "America/Chicago", "Europe/Berlin"]
    for document in (None, {}, {"store_id": None}, {"ShipmentID": "SH-1"}):
        assert settings_of("zones", shop, document)["time_zone"] == "Europe/Berlin"


def test_settings_are_made_once_for_each_store() -> None:
    shop = site(stores={"2": {"time_zone": "America/Chicago"}})
    assert settings_of("once", shop, {"store_id": 1}) is settings_of("once", shop, {"store_id": 7})
    assert settings_of("once", shop, {"store_id": 2}) is not settings_of("once", shop)


@pytest.mark.parametrize(
    ("state", "method", "fits"),
    [
        ("new", "card", True),
        ("pending_payment", "card", True),
        ("processing", "card", False),
        ("new", "checkmo", False),
    ],
)
def test_a_rule_fits_orders_of_its_states_and_methods(state: str, method: str, fits: bool) -> None:
    rule = ExportRule(action="hold", states=("new", "pending_payment"), methods=("card",))
    assert rule.fits(state, method) is fits
    assert ExportRule(action="hold").fits(state, method)


@pytest.mark.parametrize(
    "wrong",
    [
        {"export": {"a": {"action": "wait"}}}, {"export": {"a": {"action": "hold", "longest_days": 0}}},
        {"export": {"a b": {"action": "hold"}}}, {"export": {"a": {}}}, {"stores": {"default": {}}},
        {"stores": {"1": {"time_zone": "Europe/Bern"}}}, {"stores": {"1": {"website": ""}}},
    ],
)  # fmt: skip
def test_a_mistake_in_rules_or_stores_is_refused_at_start(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        site(**wrong)
