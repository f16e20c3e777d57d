"""Times as people write them: `30 s`, `5 min`, `2 h`, `3 d`."""

import re

from bng_bridge.mapping.findings import Wrong
from bng_bridge.mapping.yaml_tree import Node, Scalar
from bridge_common.errors import Pace

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(s|min|h|d)", re.ASCII)
MOST_S = 7 * 86400.0
"""An event is never put off for longer: see bng_bridge.retry."""

KEYS = ("first", "most", "give_up_after")


def seconds_in(text: str) -> float | None:
    """None for what is no time."""
    found = _DURATION.fullmatch(text)
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def seconds_of(node: Node) -> float:
    """Raises Wrong for what is none, or longer than 7 days."""
    seconds = seconds_in(node.text) if isinstance(node, Scalar) else None
    if seconds is None:
        raise Wrong(node.at, "a time is wanted, a number and s, min, h or d.", "Such as 30 s.")
    if not 0 < seconds <= MOST_S:
        raise Wrong(node.at, "is not between 0 and 7 d")
    return seconds


def pace_of(first: Node, most: Node, give_up_after: Node | None) -> Pace:
    """Raises Wrong."""
    pace = Pace(seconds_of(first), seconds_of(most), seconds_of(give_up_after) if give_up_after else None)
    if pace.first_s > pace.most_s:
        raise Wrong(most.at, "most is shorter than first")
    return pace
