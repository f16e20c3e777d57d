"""Lists. A missing list is an empty one. A field of the rows is named by a text: `sum(order.items, 'row_total')`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.functions.addresses import combined
from bng_bridge.mapping.functions.numbers import to_number
from bng_bridge.mapping.functions.registry import Path, function, item_of, itself
from bng_bridge.mapping.operators import EXACT
from bng_bridge.mapping.shapes import Shape, list_of
from bng_bridge.mapping.tables import key_of

Rows = list[Any] | None
MOST_ROWS = 10_000


@function(shape=item_of)
def first(rows: Rows, field: Path = itself) -> Any:
    """The first value that is not null or empty."""
    return next((found for row in rows or () if (found := field(row))), None)


@function(shape=item_of)
def last(rows: Rows, field: Path = itself) -> Any:
    """The last value that is not null or empty."""
    return next((found for row in reversed(rows or []) if (found := field(row))), None)


@function(shape=lambda shapes: item_of(shapes[:1]))
def find(rows: Rows, field: Path, value: Any) -> Any:
    """The first row whose field is that value, however either is written; null for null."""
    if value is None:
        return None
    wanted = key_of(value)
    for row in rows or ():
        found = field(row)
        if found is not None and key_of(found) == wanted:
            return row
    return None


@function
def entry(table: dict, name: str) -> Any:  # type: ignore[type-arg]
    """The field of an object whose name is computed; null where it has none such."""
    return table.get(name)


@function(name="sum")
def total(rows: Rows, field: Path = itself) -> Decimal:
    """All numbers added, exactly; null counts as 0."""
    result = Decimal(0)
    try:
        for row in rows or ():
            found = field(row)
            if found is not None:
                result = EXACT.add(result, to_number(found))
    except ArithmeticError as error:
        raise Fault("the sum has more than 28 digits") from error
    return result


@function
def join(rows: Rows, separator: str = ", ", field: Path = itself) -> str:
    """The texts as one, with the separator between them; what is null or empty is left out."""
    return combined(separator, [field(row) for row in rows or ()])


@function
def count(rows: Rows) -> int:
    """How many there are."""
    return len(rows or ())


@function(shape=lambda shapes: list_of(item_of(shapes)))
def values(rows: Rows, field: Path) -> list[Any]:
    """A field of each row, without nulls."""
    return [found for row in rows or () if (found := field(row)) is not None]


@function(shape=lambda shapes: shapes[0])
def unique(rows: Rows) -> list[Any]:
    """Each value once, in the order of their first."""
    found: dict[str, Any] = {}
    for row in rows or ():
        if row is not None:
            found.setdefault(key_of(row), row)
    return list(found.values())


def _unfolded(shapes: Sequence[Shape]) -> Shape:
    row = Shape("object", "a row of unfold()")
    row.fields.update(outer=item_of(shapes[:1]), inner=item_of(shapes[1:]))
    return list_of(row)


@function(shape=_unfolded)
def unfold(rows: Rows, field: Path) -> list[Any]:
    """A row for each entry of a list in the rows: `outer` is the row, `inner` the entry."""
    result: list[Any] = []
    for row in rows or ():
        entries = field(row) or []
        if type(entries) is not list:
            raise Fault(f"unfold() wants a list in each row, got {kind_of(entries)}")
        if len(result) + len(entries) > MOST_ROWS:
            raise Fault(f"unfold() makes at most {MOST_ROWS} rows")
        result += [{"outer": row, "inner": entry} for entry in entries]
    return result
