"""Mapping files and expressions written in place."""

from functools import cache
from pathlib import Path
from typing import Any

from bng_bridge.flow_files.file_set import FileSet, load_set
from bng_bridge.mapping.budget import BUDGET
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.findings import MappingFileError, Position
from bng_bridge.mapping.functions.library import functions
from bng_bridge.mapping.magento_shapes import default_shape
from bng_bridge.mapping.mapping_file import Mapping, compile_text, load
from bng_bridge.mapping.nodes import Expression
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.scope import first_scope
from bng_bridge.mapping.shapes import ANY, Shape
from bng_bridge.mapping.yaml_tree import Scalar
from bng_bridge.mappings import Mappings

TEMPLATES = Path(__file__).parents[2] / "packaging" / "mappings"
HEAD = "source: magento/order\ntarget: bng/sales_order\npartial: true\n"
START = Position("orders.yaml", 1, 1)


@cache
def template(name: str) -> Mapping:
    """As it is shipped."""
    return load(TEMPLATES / f"{name}.yaml")


@cache
def shipped() -> FileSet:
    return load_set(None, ())


def shipped_mappings() -> Mappings:
    """In force where nobody has files of their own."""
    return Mappings(shipped())


def compiled(body: str, *, head: str = HEAD, schemas: Schemas | None = None) -> Mapping:
    return compile_text(head + body, Path("orders.yaml"), schemas=schemas)


def mistakes(body: str, *, head: str = HEAD, schemas: Schemas | None = None) -> list[str]:
    """All findings, with lines counted from the first behind the head."""
    try:
        compiled(body, head=head, schemas=schemas)
    except MappingFileError as error:
        lines = head.count("\n")
        return [
            str(each).replace(f"orders.yaml:{each.at.line}:", f"{each.at.line - lines}:", 1) for each in error.findings
        ]
    return []


def expression(code: str, shape: Shape | None = None, **names: Shape) -> tuple[Expression, dict[str, int], int]:
    """Compiled for an order, with the slots of other names, and how large a frame has to be."""
    scope = first_scope("order", default_shape("order") if shape is None else shape, functions())
    slots = {}
    for name, described in names.items():
        scope, slots[name] = scope.with_name(name, described, START)
    return expression_of(Scalar(START, code, code, START), scope), slots, scope.slots.count


def value_of(code: str, document: Any = None, **names: Any) -> Any:
    """What an expression gives for a document; nothing is known of what `names` hold."""
    made, slots, size = expression(code, None if document is None else ANY, **dict.fromkeys(names, ANY))
    frame: list[Any] = [BUDGET, document, *([None] * size)]
    for name, slot in slots.items():
        frame[slot] = names[name]
    return made.get(frame)
