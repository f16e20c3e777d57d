"""How much one run of a mapping may do, whatever the document and the file.

Every row of an `each` costs what its rules have nodes, every function what its texts and lists are long, a look
for a custom attribute what there are of them. An order of 20 lines needs some thousands; who reaches the bound has a
document or a file that nobody meant.
"""

from collections.abc import Callable
from typing import Any

from bng_bridge.mapping.faults import Fault

Frame = list[Any]
"""The values of one run: what is left of the budget, the document, context, named values, loop variables."""

Getter = Callable[[Frame], Any]

LEFT = 0
DOCUMENT = 1
FIRST_FREE = 2

BUDGET = 1_000_000
MOST_TEXT = 100_000
"""Characters of one text that an expression makes."""

CHARACTERS_PER_UNIT = 64


def spend(frame: Frame, units: int) -> None:
    """Raises Fault when the run has done too much."""
    frame[LEFT] -= units
    if frame[LEFT] < 0:
        raise Fault("is too much work for one document", hint="Fewer nested lists, or shorter texts.")


def weight(value: Any) -> int:
    """How many values a part of a document holds, itself included."""
    count, todo = 0, [value]
    while todo:
        found = todo.pop()
        count += 1
        if type(found) is dict:
            todo += found.values()
        elif type(found) is list:
            todo += found
    return count


def check_length(length: int) -> None:
    """Raises Fault before a text of that length is made."""
    if length > MOST_TEXT:
        raise Fault(f"would make a text of {length} characters, at most {MOST_TEXT}")
