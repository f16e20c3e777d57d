"""There and back: what a pair of mappings must not change."""

from collections.abc import Iterator
from collections.abc import Mapping as Names
from typing import Any

from bng_bridge.mapping.head import RoundTrip
from bng_bridge.mapping.mapping_file import Mapping
from bridge_common.errors import MappingError


def differences_there_and_back(
    declared: RoundTrip, document: dict[str, Any], there: dict[str, Any], back: Mapping, context: Names[str, Any]
) -> Iterator[str]:
    """The declared fields of `document` that `back` does not give again when it gets what came out."""
    try:
        again = back(there, **context)
    except MappingError as error:
        yield f"the way back through {declared.file} fails: {error.sentence()}"
        return
    for path in declared.fields:
        one, other = _at(document, path), _at(again, path)
        if one != other:
            yield f"{path} is {one!r}, and {other!r} after the way back through {declared.file}"


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
