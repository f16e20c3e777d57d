"""Replays the recording, exchange after exchange, against one sandbox shop, and says how each came out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.contract.comparison import Comparison, Difference
from tests.contract.contract_shop import ContractShop
from tests.contract.explained import reason_for
from tests.contract.identities import Identities
from tests.contract.recording import Exchange
from tests.contract.scenery import Scenery
from tests.contract.sender import Answer, Sender

Verdict = Literal["equal", "explained", "different", "not served"]
NO_ROUTE = "Request does not match any route."
NEVER_SERVED = ("/rest/V1/customers/me",)
"""The sandbox has no customers' tokens, and would take `me` for an id."""
NOUNS = (
    ("/V1/orders/:id/comments", "history"),
    ("/V1/orders", "order"),
    ("/V1/order/:id/ship", "ship"),
    ("/V1/order/:id/invoice", "invoice"),
    ("/V1/order/:id/refund", "creditmemo"),
    ("/V1/invoice/:id/refund", "creditmemo"),
    ("/V1/invoices", "invoice"),
    ("/V1/creditmemo", "creditmemo"),
    ("/V1/shipments", "shipment"),
    ("/V1/shipment/track", "track"),
    ("/V1/customers", "customer"),
    ("/V1/products/:sku/stockItems", "stock_item"),
    ("/V1/products", "product"),
    ("/V1/stockItems", "stock_item"),
)


@dataclass(frozen=True)
class Result:
    """How one exchange came out; `reason` explains its differences."""

    exchange: Exchange
    verdict: Verdict
    differences: list[Difference] = field(default_factory=list)
    reason: str = ""

    def __str__(self) -> str:
        return "\n".join([str(self.exchange), *(f"    {each}" for each in self.differences)])


def replay(shop: ContractShop, exchanges: Sequence[Exchange]) -> list[Result]:
    """One result for each exchange, in order: a later one sees what the earlier ones did."""
    identities = Identities()
    sender = Sender(shop, identities)
    scenery = Scenery(shop, identities, exchanges)
    results = []
    for exchange in exchanges:
        scenery.set_before(exchange)
        result = replay_one(sender, identities, exchange)
        if result.verdict == "not served":
            scenery.stand_in(exchange)
        results.append(result)
    return results


def replay_one(sender: Sender, identities: Identities, exchange: Exchange) -> Result:
    noun = noun_of(exchange)
    if exchange.path in NEVER_SERVED:
        return Result(exchange, "not served")
    answer = sender.send(exchange, noun)
    if is_unknown_route(answer) and exchange.answer != answer.body:
        return Result(exchange, "not served")
    differences = [
        *parts_that_differ(exchange, answer),
        *Comparison(identities, noun).differences(exchange.answer, answer.body),
    ]
    if not differences:
        return Result(exchange, "equal")
    reason = reason_for(exchange, differences)
    return Result(exchange, "explained" if reason else "different", differences, reason)


def parts_that_differ(exchange: Exchange, answer: Answer) -> list[Difference]:
    """Status and content type."""
    pairs = (
        ("(status)", exchange.status, answer.status),
        ("(content type)", exchange.content_type, answer.content_type),
    )
    return [Difference(name, theirs, ours) for name, theirs, ours in pairs if theirs != ours]


def is_unknown_route(answer: Answer) -> bool:
    return answer.status == 404 and isinstance(answer.body, dict) and answer.body.get("message") == NO_ROUTE


def noun_of(exchange: Exchange) -> str:
    """What the documents of the exchange's route are."""
    path = exchange.route.partition(" ")[2]
    return next((noun for start, noun in NOUNS if path.startswith(start)), "document")
