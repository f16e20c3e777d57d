"""What running a mapping file costs, beside reading the document that it maps: both measured in the same run."""

import statistics
import time
from collections.abc import Callable

from tests.support.mappings import template
from tests.support.orders import item, order

from bridge_common import decimal_json

ROUNDS, CALLS = 15, 20
MOST = 20.0
"""A ratio of CPU times. 7 to 8 is measured: a third of noise passes, mapping that got three times as slow does not, nor
does reading that got three times as fast: then this number is to be set anew."""


def measure() -> tuple[float, float]:
    """Seconds for mapping an order of 20 lines and its buyer, and as many times reading the order's JSON."""
    rows = [
        item(number, f"SKU-{number}", qty="2", price="9.99", discount="1.00", tax="3.80") for number in range(1, 21)
    ]
    document = order(*rows)
    text = decimal_json.dumps(document)
    to_sales_order, to_customer = template("order-to-sales-order"), template("order-to-customer")
    context = {"external_id": "x", "customer_id": "C", "time_zone": "Europe/Berlin", "transaction_id": ""}

    def both() -> None:
        to_sales_order(document, **context)
        to_customer(document, **context)

    rounds = [(seconds(both), seconds(lambda: decimal_json.loads(text))) for _ in range(ROUNDS)]
    return statistics.median(mapped for mapped, _ in rounds), statistics.median(read for _, read in rounds)


def seconds(call: Callable[[], object]) -> float:
    """For one call. CPU of this thread: what else runs on the machine counts less."""
    started = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - started) / CALLS


def test_mapping_an_order_costs_some_times_what_reading_it_does() -> None:
    """`python -m tests.unit.test_mapping_speed` prints the figures."""
    mapped, read = measure()
    assert mapped / read <= MOST


if __name__ == "__main__":
    mapped, read = measure()
    print(f"an order of 20 lines and its buyer: {mapped * 1e6:.0f} µs, {mapped / read:.2f} times reading its JSON")
