"""The sandbox shop answers as a real Magento 2.4.7 was recorded to answer, request by request."""

import re

import pytest
from tests.contract.explained import EXPLANATIONS
from tests.contract.replay import NEVER_SERVED, Result

from magento_agent.config import DEFAULT_ROUTES

ALSO_CALLED = (
    ("POST", "/V1/integration/admin/token"),
    ("GET", "/V1/orders/:id/statuses"),
    ("POST", "/V1/orders"),
    ("POST", "/V1/order/:id/invoice"),
    ("POST", "/V1/customers"),
    ("DELETE", "/V1/customers/:id"),
    ("GET", "/V1/inventory/get-product-salable-quantity/:sku/:stock"),
)
"""Beside the agent's own: by tests, by demos, or to understand a shop."""
FEWEST_REPLAYED = 150
"""Fewer than that and the replay itself is broken."""


def test_no_exchange_differs_without_a_reason(results: list[Result]) -> None:
    different = [str(result) for result in results if result.verdict == "different"]
    assert not different, "\n".join(different)


def test_most_of_what_is_replayed_is_equal(results: list[Result]) -> None:
    replayed = [result for result in results if result.verdict != "not served"]
    assert len(replayed) >= FEWEST_REPLAYED
    assert sum(result.verdict == "equal" for result in replayed) >= 0.9 * len(replayed)


def test_every_explanation_is_needed(results: list[Result]) -> None:
    explained = [result for result in results if result.verdict == "explained"]
    unused = [
        explanation
        for explanation in EXPLANATIONS
        if not any(
            explanation.covers(result.exchange, difference) for result in explained for difference in result.differences
        )
    ]
    assert unused == []


@pytest.mark.parametrize(("method", "pattern"), [*DEFAULT_ROUTES, *ALSO_CALLED])
def test_every_route_that_is_called_is_served_where_it_was_recorded(
    results: list[Result], method: str, pattern: str
) -> None:
    path = re.compile("/rest(/all|/default)?" + re.sub(r":\w+", "[^/]+", pattern))
    not_served = [result.exchange for result in results if result.verdict == "not served"]
    missing = [each for each in not_served if each.method == method and path.fullmatch(each.path)]
    assert [str(each) for each in missing if each.path not in NEVER_SERVED] == []
