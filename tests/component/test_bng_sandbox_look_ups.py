"""The sandbox BNG finds one record among fifty thousand by an index: a slow one would be measured as a slow bridge."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge_sandbox.bng import listing, records
from bridge_sandbox.bng.entities import PAYMENT
from bridge_sandbox.bng.listing import FILTERS, Query
from bridge_sandbox.bng.store import Store, Work

READS = {"external_id": "records_by_external_id", "sku": "records_by_sku", "customer_id": "records_by_customer",
         "sales_order_id": "records_by_order", "invoice_id": "records_by_invoice",
         "transaction_id": "records_by_transaction", "email": "records_by_email"}  # fmt: skip
SINCE = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    store = Store(tmp_path / "bng.sqlite")
    with store.work("test") as work:
        yield work
    store.close()


def plan(work: Work, sql: str) -> str:
    return " ".join(row[3] for row in work.db.execute(f"EXPLAIN QUERY PLAN {sql}"))


@pytest.mark.parametrize("column", READS)
@pytest.mark.parametrize("query", [{}, {"updated_since": SINCE}, {"after": (SINCE, "PM-1")}, {"offset": 0}])
def test_a_list_by_a_field_reads_the_index_on_that_field(work: Work, column: str, query: dict[str, object]) -> None:
    asked: list[str] = []
    work.db.set_trace_callback(asked.append)
    listing.page(work, PAYMENT, Query(filters={column: "x"}, **query))  # type: ignore[arg-type]
    next(records.matching(work, PAYMENT, **{column: "x"}), None)
    work.db.set_trace_callback(None)
    assert len(asked) == 2
    for sql in asked:
        assert f"USING INDEX {READS[column]} " in plan(work, sql)


def test_a_list_of_everything_reads_the_index_on_its_order(work: Work) -> None:
    asked: list[str] = []
    work.db.set_trace_callback(asked.append)
    listing.page(work, PAYMENT, Query(updated_since=SINCE))
    work.db.set_trace_callback(None)
    assert plan(work, asked[0]) == "SEARCH records USING INDEX records_by_time (entity=? AND updated_at>?)"


def test_each_filter_has_its_index() -> None:
    assert set(FILTERS) == {*READS, "warehouse"}
