"""JSON pointers (RFC 6901): how a profile says where something stands in an answer."""

from typing import Any


def at(value: Any, pointer: str) -> Any:
    """What the pointer leads to; None where there is nothing."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
