"""Schemas that stand in a larger document (OpenAPI, AsyncAPI) and refer to each other by `#/…`."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]

HERE = "urn:document"
FORMATS = FormatChecker(["date", "date-time"])


class Schemas:
    """`errors` for any schema of one document."""

    def __init__(self, document: Json) -> None:
        registry: Registry[Any] = Registry()
        self._registry = registry.with_resource(HERE, DRAFT202012.create_resource(document))

    def errors(self, schema: Json, instance: Any) -> list[str]:
        """What is wrong with the instance."""
        validator = Draft202012Validator(absolute(schema), registry=self._registry, format_checker=FORMATS)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


def absolute(schema: Any) -> Any:
    """The same with `#/…` as references into the document."""
    if isinstance(schema, list):
        return [absolute(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: HERE + value if key == "$ref" and value.startswith("#") else absolute(value)
        for key, value in schema.items()
    }


def resolve(document: Json, reference: str) -> Any:
    """What a `#/…` reference points to. Raises KeyError."""
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in it."""
    if isinstance(part, list):
        for each in part:
            yield from references(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
