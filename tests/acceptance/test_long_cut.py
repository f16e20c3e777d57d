"""After a long cut: many rows wait for fewer entities, and each entity is written once to each target."""

import pytest
from bench.measure import drain
from bench.scene import Scene

pytestmark = pytest.mark.acceptance

ORDERS = 2_000
RECORDS = 2 * ORDERS
"""A customer and a sales order each."""


def test_many_rows_of_an_entity_that_lie_far_apart_are_one_write_to_each_target() -> None:
    with Scene() as scene:
        scene.furnish(ORDERS)
        run = drain(scene, "product", ORDERS, rounds=4)
        assert run.rows >= 4 * ORDERS
        assert (run.writes, run.most_writes) == (RECORDS, 1)
        assert scene.load.waiting() == 0
