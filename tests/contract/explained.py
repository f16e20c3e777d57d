"""Differences between the sandbox and the recorded Magento that are meant to be, each with its reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.contract.comparison import Difference
from tests.contract.recording import Exchange


@dataclass(frozen=True)
class Explanation:
    """Differences at `paths` in exchanges on `route`, for a reason; both are regular expressions for the whole text."""

    reason: str
    route: str
    paths: str
    name: str = ".*"

    def covers(self, exchange: Exchange, difference: Difference) -> bool:
        return (
            re.fullmatch(self.route, exchange.route) is not None
            and re.fullmatch(self.name, exchange.name) is not None
            and re.fullmatch(self.paths, difference.path) is not None
        )


UPSERT = r"POST /V1/orders"
EXPLANATIONS = (
    Explanation(
        "a new product cannot be sold there until the indexer has run; the sandbox has no index",
        route=r"GET /V1/inventory/get-product-salable-quantity/:sku/:id",
        name="MSI salable qty",
        paths="",
    ),
    Explanation(
        "the order was placed at the cart's second attempt there, which left the cart's empty card fields in its payment",
        route=UPSERT,
        name=r"POST orders .+ on invoiced order",
        paths=r"\.payment\.cc_(exp_year|ss_start_month|ss_start_year)",
    ),
)


def reason_for(exchange: Exchange, differences: Sequence[Difference]) -> str:
    """The reasons when every difference has one; empty otherwise."""
    reasons = []
    for difference in differences:
        found = next((each.reason for each in EXPLANATIONS if each.covers(exchange, difference)), None)
        if found is None:
            return ""
        reasons.append(found)
    return "; ".join(dict.fromkeys(reasons))
