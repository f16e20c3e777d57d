"""What a function of mapping files is: a Python function whose annotations say what it takes and gives.

str, Decimal, int, bool, list and dict are checked when the mapping runs, and as far as known when it is loaded. Any and
`| None` take null as a value of its own. Path is the name of a field, written as a text and checked against the rows'
schema.
"""

import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from bng_bridge.mapping.shapes import ANY, FLAG, INTEGER, NUMBER, OBJECT, ROWS, TEXT, Shape

Path = Annotated[Callable[[Any], Any], "path"]
"""In an annotation: the function gets a getter for that field of a row."""

Value = Annotated[Any, "value"]
"""In an annotation: anything but null, which gives null."""

Shaper = Callable[[Sequence[Shape]], Shape]
"""From the arguments' shapes, a path's being that of its field, to the result's."""

_KINDS: dict[Any, str] = {
    str: "text", Decimal: "number", int: "integer", bool: "flag", list: "list", dict: "object", Any: "any", Value: "value",
    Path: "path",
}  # fmt: skip
_RESULTS = {"text": TEXT, "number": NUMBER, "integer": INTEGER, "flag": FLAG, "list": ROWS, "object": OBJECT}


def itself(row: Any) -> Any:
    """The Path that leads nowhere: the row is the value."""
    return row


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    takes_null: bool


@dataclass(frozen=True)
class Function:
    """`signature` binds the arguments; `parameters` are by name, `*rest` being one of them."""

    name: str
    run: Callable[..., Any]
    signature: inspect.Signature
    parameters: dict[str, Parameter]
    shape: Shaper

    @property
    def usage(self) -> str:
        """Such as `left(text, count)`."""
        names = [str(each).split(":")[0].split("=")[0].strip() for each in self.signature.parameters.values()]
        return f"{self.name}({', '.join(names)})"


def describe(name: str, run: Callable[..., Any], shape: Shaper | None = None) -> Function:
    """A Function of a Python function. Raises TypeError for annotations that are none of the above."""
    hints = get_type_hints(run, include_extras=True)
    result = hints.pop("return", Any)
    signature = inspect.signature(run)
    parameters = {each: _parameter(each, hints.get(each, Any)) for each in signature.parameters}
    if shape is None:
        known = _RESULTS.get(_parameter("return", result).kind, ANY)

        def shape(_: Sequence[Shape]) -> Shape:
            return known

    return Function(name, run, signature, parameters, shape)


def _parameter(name: str, annotation: Any) -> Parameter:
    takes_null = annotation is Any
    if get_origin(annotation) in (Union, types.UnionType):
        takes_null = type(None) in get_args(annotation)
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
    if annotation not in _KINDS:
        annotation = get_origin(annotation) or annotation
    if annotation not in _KINDS:
        raise TypeError(f"{name}: {annotation} is no kind that a function of mappings may take or give")
    return Parameter(name, _KINDS[annotation], takes_null)


class Library:
    """Functions by name; `function` puts one in."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}

    def function(
        self, run: Callable[..., Any] | None = None, *, name: str = "", shape: Shaper | None = None
    ) -> Callable[..., Any]:
        """Decorator. `name` where Python's own has another; `shape` where the result depends on the arguments."""

        def put(run: Callable[..., Any]) -> Callable[..., Any]:
            called = name or run.__name__
            self.functions[called] = describe(called, run, shape)
            return run

        return put if run is None else put(run)


BUILT_IN = Library()
function = BUILT_IN.function


def item_of(shapes: Sequence[Shape]) -> Shape:
    """The shape of a row of the list that comes first; of its field, if the last argument is a path."""
    return shapes[1] if len(shapes) > 1 else shapes[0].item or ANY
