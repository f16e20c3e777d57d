"""No expression that is accepted can run long or grow large, whatever the document.

Work is counted in calls, memory in bytes at the peak: both are bounded by the expression's bounds, not by luck.
"""

import sys
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.mappings import expression

from bng_bridge.mapping.budget import BUDGET, MOST_TEXT
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Wrong
from bng_bridge.mapping.functions.library import functions
from bng_bridge.mapping.grammar import MOST_NODES
from bng_bridge.mapping.shapes import ANY

ROWS = 200
LONG = "a,b " * 10_000
DOCUMENT: dict[str, Any] = {
    "text": LONG,
    "number": Decimal("9" * 28),
    "tiny": Decimal("1e-39"),
    "huge": Decimal("1e999999"),
    "whole": 10**4000,
    "null": None,
    "rows": [{"text": LONG, "number": Decimal("9.99"), "rows": [1] * ROWS} for _ in range(ROWS)],
}
CALLS_PER_ROW = 40

LEAVES = st.sampled_from([
    "order.text", "order.number", "order.tiny", "order.huge", "order.whole", "order.null", "order.rows", "order.rows[0]",
    "order", "'a'", "''", "','", "'text'", "'rows'", "'rows.text'", "9", "-1", "999999999999999999", "0", "True", "None",
    "number('99999999999999999999')", "order.__class__", "order.text.format", "1.5", "9**9", "().__class__", "eval('1')",
    "'x' * 10", "'%d.%m.%Y'", "'2026-03-02'", "'UTC'", "lambda: 1", "[y for y in order.rows]",
])  # fmt: skip
NAMES = sorted(functions())


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "==", "<", "in", "and", "or", "**", "%", "//", "<<"])
    calls = st.tuples(st.sampled_from(NAMES), st.lists(inner, min_size=1, max_size=3))
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        calls.map(lambda parts: f"{parts[0]}({', '.join(parts[1])})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.lists(inner, max_size=4).map(lambda parts: f"[{', '.join(parts)}]"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(-{part})"),
        inner.map(lambda part: f"{part}[0]"),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=20)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS)
@example("replace(replace(replace(order.text, 'a', 'aaaaaaaa'), 'a', 'aaaaaaaa'), 'a', 'aaaaaaaa')")
@example("join([order.text, order.text, order.text], order.text)")
@example("split(order.text)")
@example("unfold(unfold(order.rows, 'rows'), 'outer.rows')")
@example("text(order.huge)")
@example("text(order.whole)")
@example("money(order.huge * order.huge)")
@example("pad('a', 999999999999999999, 'b')")
@example("round(order.number, 999999999999999999)")
@example("order.text + order.text + order.text + order.text")
@example("combine(order.text, order.rows, order.rows)")
def test_an_accepted_expression_is_bounded_in_work_and_size(code: str) -> None:
    try:
        made, _, _ = expression(code, ANY)
    except Wrong:
        return
    assert made.size <= MOST_NODES
    calls, peak, value = measured(lambda: made.get([BUDGET, DOCUMENT]))
    assert calls <= MOST_NODES * ROWS * CALLS_PER_ROW
    assert peak < 50_000_000
    assert size_of(value) <= 4 * MOST_TEXT


def measured(run: Callable[[], Any]) -> tuple[int, int, Any]:
    """Calls made, bytes at the peak, and what came out; None for a Fault."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        value = run()
    except Fault:
        value = None
    finally:
        sys.setprofile(None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return calls, peak, value


def size_of(value: Any) -> int:
    """Characters and digits of what an expression made; parts of the document count as one."""
    if isinstance(value, str):
        return 1 if value is LONG else len(value)
    if isinstance(value, Decimal):
        return len(value.as_tuple().digits)
    return len(value) if isinstance(value, list) else 1
