"""What all commands of bridgectl share."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from bridge_common import service
from bridge_common.errors import BridgeError

# sysexits.h: 2, click's own, means "down" here.
click.UsageError.exit_code = 64
json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, for programs.")


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
