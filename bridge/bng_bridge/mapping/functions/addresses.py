"""Addresses and names: one line or several, together or apart."""

import re
from typing import Any

from bng_bridge.mapping.budget import check_length
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.functions.registry import function

_NUMBER_LAST = re.compile(r"(?P<street>[^0-9]*[^0-9\s])\s+(?P<number>[0-9][0-9A-Za-z/ -]{0,14})")
_NUMBER_FIRST = re.compile(r"(?P<number>[0-9][0-9A-Za-z/-]{0,14})\s+(?P<street>[^0-9].*)")
MOST_LINE = 255


@function
def combine(separator: str, *parts: Any) -> str:
    """Texts and lists of texts as one; what is null or empty is left out, with its separator."""
    return combined(separator, [each for part in parts for each in (part if type(part) is list else [part])])


@function
def address_lines(text: str, most: int = 2) -> list[Any]:
    """The parts between commas or line ends as lines; what is more than `most` stays together in the last."""
    lines = [part for part in (each.strip() for each in text.replace("\n", ",").split(",")) if part]
    most = max(most, 1)
    return lines if len(lines) <= most else [*lines[: most - 1], ", ".join(lines[most - 1 :])]


@function
def street_name(line: str) -> str:
    """`Hafenstr.` of `Hafenstr. 7`, `Hudson Pl` of `17 Hudson Pl`; the whole line where no number is found."""
    found = _split(line)
    return found["street"] if found else line


@function
def house_number(line: str) -> str:
    """`7` of `Hafenstr. 7`; empty where no number is found."""
    found = _split(line)
    return found["number"] if found else ""


@function
def first_name(name: str) -> str:
    """All but the last word."""
    return " ".join(name.split()[:-1])


@function
def last_name(name: str) -> str:
    """The last word."""
    words = name.split()
    return words[-1] if words else ""


def combined(separator: str, values: list[Any]) -> str:
    """The texts among the values, joined. Raises Fault for what is neither text nor null."""
    texts = [each for each in values if each]
    if any(type(each) is not str for each in texts):
        wrong = next(each for each in texts if type(each) is not str)
        raise Fault(f"wants texts, got {kind_of(wrong)}", hint="text(…) makes a text of a number.")
    check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _split(line: str) -> re.Match[str] | None:
    line = line.strip()
    if len(line) > MOST_LINE:
        return None
    return _NUMBER_LAST.fullmatch(line) or _NUMBER_FIRST.fullmatch(line)
