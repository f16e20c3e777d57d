"""What all commands of bridgectl share."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from bridge_common import service
from bridge_common.errors import BridgeError

USAGE = 64
json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, for programs.")


class Bridgectl(click.Group):
    """Misuse ends with 64, as in sysexits.h: 2, click's own, means "down" here."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _misuse():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _misuse():
            return super().invoke(ctx)


def command(function: Callable[..., Any], *, exit_code: int | None = None) -> Callable[..., Any]:
    """A BridgeError ends in one sentence and its exit code, or `exit_code`."""

    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BridgeError as error:
            error.exit_code = error.exit_code if exit_code is None else exit_code
            service.fail(error)

    return guarded


def show(answer: Any, render: Callable[[Any], None], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer))
    else:
        render(answer)


@contextmanager
def _misuse() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.exit_code = USAGE  # type: ignore[misc] # of this one only: other programs in the process keep their 2
        raise
