"""The kinds of text in a profile, each with its check: templates, JSON pointers, paths, formats of times and dates."""

from datetime import UTC, datetime
from string import Formatter
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator


def template(*allowed: str) -> AfterValidator:
    """A text that may have these `{names}` in it, and no others."""

    def check(text: str) -> str:
        try:
            found = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        except ValueError as error:
            raise ValueError(f"a brace is open: {error}") from error
        if wrong := sorted(found - set(allowed)):
            raise ValueError(f"knows {', '.join(f'{{{name}}}' for name in allowed)}, and not {{{wrong[0]}}}")
        return text

    return AfterValidator(check)


def _pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError('is a JSON pointer: "" for the whole, else it begins with /, as in /error/code')
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or text.endswith("/"):
        raise ValueError("begins with / and does not end with it")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not a time zone of the tz database, such as Europe/Berlin") from error
    return name


def _moment_format(text: str) -> str:
    if text != "rfc3339" and not _says(text, datetime(2026, 1, 31, 13, 14, 15, tzinfo=UTC)):
        raise ValueError("rfc3339, or a strftime format with date and time to the second at least")
    return text


def _date_format(text: str) -> str:
    if not _says(text, datetime(2026, 1, 31, tzinfo=UTC)):
        raise ValueError("a strftime format with year, month and day")
    return text


def _says(form: str, moment: datetime) -> bool:
    """Whether the moment is read again as it was written."""
    try:
        return datetime.strptime(moment.strftime(form), form).replace(tzinfo=UTC) == moment
    except ValueError:
        return False


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Pointer = Annotated[str, AfterValidator(_pointer)]
UrlPath = Annotated[str, AfterValidator(_path)]
Verb = Literal["POST", "PUT", "PATCH"]
Zone = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_moment_format)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Named = BeforeValidator(_named)
Listed = BeforeValidator(_listed)
