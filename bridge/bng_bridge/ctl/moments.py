"""A time as an operator writes it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic in newer releases of click
    """RFC 3339 with an offset, or how long ago: 30m, 2h, 3d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := re.fullmatch(r"(\d+)([mhd])", value):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time: write 2026-01-31T08:00:00+01:00, or how long ago: 30m, 2h, 3d", param, context
            )
        if moment.tzinfo is None:
            self.fail(f"{value} has no offset: add Z for UTC, or one such as +01:00", param, context)
        return moment.astimezone(UTC)


MOMENT = Moment()
