"""Which class a call belongs to."""

from typing import get_args

import pytest

from bng_bridge.bng.fields import RESOURCES
from bng_bridge.config import BngCalls, MagentoCalls
from bng_bridge.magento.endpoints import endpoint_of
from magento_agent.config import Gateway


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/V1/orders", "orders"),
        ("/V1/orders/7/comments", "orders"),
        ("/V1/order/7/ship", "shipments"),
        ("/V1/order/7/refund", "creditmemos"),
        ("/V1/shipment/track", "shipments"),
        ("/V1/inventory/source-items", "stock"),
        ("/V1/products/SHIP", "products"),
        ("/V1/customers/search", "customers"),
        ("/V1/store/storeConfigs", "static"),
        ("/V1/directory/countries/DE", "static"),
        ("/V1/transactions", "other"),
    ],
)
def test_a_call_of_the_shop_belongs_to_its_aggregate(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


def test_every_call_that_an_agent_runs_has_a_class_that_can_be_limited() -> None:
    assert {endpoint_of(path) for _, path in Gateway().allow} <= set(get_args(MagentoCalls))


def test_every_resource_of_bng_is_a_class_that_can_be_limited() -> None:
    assert set(RESOURCES) == set(get_args(BngCalls))
