"""Objects from JSON bodies, checked field by field; pure functions. What single values may be is in checks.py.

The same tables that check a request describe it: each check says as JSON Schema what it takes and what it gives, and
openapi.py makes its document of that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge_sandbox.bng.problems import FieldProblem

Schema = dict[str, Any]
"""JSON Schema 2020-12, as OpenAPI 3.1 uses it."""


class FieldErrors(Exception):
    """What is wrong, each with a pointer relative to the value that was checked."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True)
class Check:
    """Takes a value from a JSON body and returns it as it is stored, or raises FieldErrors."""

    run: Callable[[Any], Any]
    takes: Schema
    gives: Schema

    def __call__(self, value: Any) -> Any:
        """The value as it is stored."""
        return self.run(value)


@dataclass(frozen=True)
class Field:
    """A field of an object; without a value it is `default`, or an error if `required`."""

    check: Check
    default: Any = None
    required: bool = False

    @property
    def is_nullable(self) -> bool:
        """Whether the field of a stored object may be null."""
        return self.default is None and not self.required


@dataclass(frozen=True)
class Shape:
    """The fields of an object; `ignored` ones belong to the server and may be sent back to it.

    One that is nested in others has a `name`, under which it is described.
    """

    fields: Mapping[str, Field]
    ignored: Mapping[str, Schema] = field(default_factory=dict)
    name: str = ""


def check_object(shape: Shape, value: Any, *, partial: bool = False) -> dict[str, Any]:
    """The object with its values as they are stored; with `partial` absent fields stay absent."""
    if not isinstance(value, dict):
        raise wrong("is not an object")
    errors: list[FieldProblem] = [
        (pointer(name), "unknown field") for name in value if name not in shape.fields and name not in shape.ignored
    ]
    clean: dict[str, Any] = {}
    for name, described in shape.fields.items():
        if partial and name not in value:
            continue
        try:
            clean[name] = check_field(described, value.get(name))
        except FieldErrors as error:
            errors += [(pointer(name) + below, detail) for below, detail in error.errors]
    if errors:
        raise FieldErrors(errors)
    return clean


def check_field(described: Field, value: Any) -> Any:
    """The field's value or its default; null counts as absent."""
    if value is not None:
        return described.check(value)
    if described.required:
        raise wrong("is required")
    return described.default


def wrong(detail: str) -> FieldErrors:
    """The error of a single value."""
    return FieldErrors([("", detail)])


def pointer(name: str) -> str:
    """A step of a JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
