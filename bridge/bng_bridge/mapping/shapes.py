"""Shapes of values: what a schema says of a field, and what is known of an expression before it runs."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """One kind of value.

    `kind` is text, integer, number, money, quantity, date, time, flag, object, attributes, list or any. `money` and
    `quantity` are BNG's decimal texts. `attributes` are Magento's custom attributes: a list of code and value in the
    document, fields by their code in a mapping. `fields` is filled after it is made where models contain each other.
    """

    kind: str
    name: str = ""
    fields: dict[str, "Shape"] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    item: "Shape | None" = None
    choices: tuple[Any, ...] = ()
    most: int | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers at run time."""
        return self.kind in ("integer", "number")

    @property
    def is_text(self) -> bool:
        return self.kind in ("text", "money", "quantity", "date", "time")

    @property
    def is_known(self) -> bool:
        return self.kind not in ("any", "null")

    @property
    def words(self) -> str:
        """For a message: `the kind date`, `magento/order`."""
        return self.name or {"object": "an object", "list": "a list", "null": "null"}.get(
            self.kind, f"the kind {self.kind}"
        )

    @property
    def has_fields(self) -> bool:
        return self.kind in ("object", "attributes")


ANY = Shape("any")
NULL = Shape("null")
TEXT = Shape("text")
INTEGER = Shape("integer")
NUMBER = Shape("number")
FLAG = Shape("flag")
DATE = Shape("date")
TIME = Shape("time")
OBJECT = Shape("object")

SCALARS = {
    "text": TEXT, "integer": INTEGER, "number": NUMBER, "flag": FLAG, "date": DATE, "time": TIME,
    "money": Shape("money"), "quantity": Shape("quantity"), "any": ANY,
}  # fmt: skip


def list_of(item: Shape) -> Shape:
    return Shape("list", item=item)


ROWS = list_of(ANY)


def either(one: Shape, other: Shape) -> Shape:
    """What `one or other` may be: the one of which more is known, when both are of one kind; else any."""
    if one.kind == other.kind:
        return one if one.fields or one.item else other
    if one.kind == "null":
        return other
    if other.kind == "null":
        return one
    if one.is_numeric and other.is_numeric:
        return NUMBER
    return TEXT if one.is_text and other.is_text else ANY


def fits(value: Shape, target: Shape) -> bool:
    """Whether a value of that shape may become one of the target's; what is not known may."""
    if not (value.is_known and target.is_known):
        return True
    if target.kind == "list":
        return value.kind == "list" and fits(value.item or ANY, target.item or ANY)
    if target.has_fields or value.has_fields or value.kind == "list":
        return value.kind == target.kind == "object"
    if target.kind == "flag" or value.kind == "flag":
        return value.kind in ("flag", "integer") and target.kind == "flag"
    if target.kind in ("integer", "number", "money", "quantity"):
        return value.kind not in ("date", "time")
    return value.is_text or (target.kind == "text" and value.kind == "integer")
