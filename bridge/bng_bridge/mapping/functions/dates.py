"""Moments and days. A moment without an offset is UTC, as in Magento's documents; a day is `YYYY-MM-DD`."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bng_bridge.mapping.faults import Fault, shown
from bng_bridge.mapping.functions.registry import function
from bng_bridge.mapping.shapes import DATE, TIME

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_PATTERN = re.compile(r"(%[dmYy]|[-./ ])+")
MOST_DAYS = 36_600


@function(shape=lambda _: DATE)
def day(moment: str, zone: str = "UTC") -> str:
    """The calendar day in a time zone: 03:15 UTC is the day before in Chicago."""
    return _moment(moment).astimezone(_zone(zone)).date().isoformat()


@function(shape=lambda _: TIME)
def time(moment: str) -> str:
    """RFC 3339 in UTC, as BNG writes it."""
    return _moment(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@function
def magento_time(moment: str) -> str:
    """`YYYY-MM-DD HH:MM:SS` in UTC, as Magento writes it."""
    return _moment(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


@function(shape=lambda _: DATE)
def add_days(day: str, count: int) -> str:
    """So many days later; earlier, if the count is negative."""
    if abs(count) > MOST_DAYS:
        raise Fault(f"add_days() adds at most {MOST_DAYS} days, not {count}")
    try:
        return (_day(day) + timedelta(days=count)).isoformat()
    except OverflowError as error:
        raise Fault(f"{day} and {count} days is no date") from error


@function
def format_day(day: str, pattern: str) -> str:
    """A day in another writing: %d day, %m month, %Y year, with - . / or blanks between."""
    return _day(day).strftime(_checked(pattern))


@function(shape=lambda _: DATE)
def parse_day(text: str, pattern: str) -> str:
    """A day from another writing."""
    try:
        return datetime.strptime(text, _checked(pattern)).date().isoformat()  # noqa: DTZ007 # a day has no zone
    except ValueError as error:
        raise Fault(f"{shown(text)} is no day of the form {pattern}") from error


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found
    except ValueError as error:
        raise Fault(f"{shown(text)} is no moment: YYYY-MM-DD HH:MM:SS, or RFC 3339") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError as error:
        raise Fault(f"{shown(text)} is no day YYYY-MM-DD") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Fault(f"{shown(name)} is no time zone, such as Europe/Berlin") from error


def _checked(pattern: str) -> str:
    if not _PATTERN.fullmatch(pattern) or len(pattern) > 20:
        raise Fault(f"{shown(pattern)} is no pattern of %d, %m, %Y, %y and - . / or blanks")
    return pattern
