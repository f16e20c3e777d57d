"""BNG's entities as shapes: read off the pydantic models, so that both say the same."""

import types
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, StringConstraints

from bng_bridge.mapping.bng_entities import ENTITIES, Kept
from bng_bridge.mapping.shapes import SCALARS, Shape, list_of

_KINDS: dict[Any, str] = {
    str: "text", int: "integer", Decimal: "number", bool: "flag", date: "date", datetime: "time",
}  # fmt: skip


def bng_shape(entity: str, *, is_target: bool) -> Shape:
    """The shape of an entity, as a source with what BNG alone writes, as a target without. Raises KeyError."""
    return _model_shape(ENTITIES[entity], f"bng/{entity}", is_target=is_target)


def _model_shape(model: type[BaseModel], name: str, *, is_target: bool) -> Shape:
    shape = Shape("object", name)
    for field, annotation in get_type_hints(model, include_extras=True).items():
        if field not in model.model_fields or (is_target and _is_kept(annotation)):
            continue
        shape.fields[field] = _shape(annotation, name, is_target=is_target)
        if model.model_fields[field].is_required():
            shape.required.add(field)
    return shape


def _is_kept(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and Kept in annotation.__metadata__


def _shape(annotation: Any, name: str, *, is_target: bool) -> Shape:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _annotated(annotation, name, is_target=is_target)
    if origin in (Union, types.UnionType):
        (annotation,) = (each for each in get_args(annotation) if each is not type(None))
        return _shape(annotation, name, is_target=is_target)
    if origin is list:
        return list_of(_shape(get_args(annotation)[0], name, is_target=is_target))
    if origin is Literal:
        choices = get_args(annotation)
        return Shape(_KINDS[type(choices[0])], choices=choices)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _model_shape(
            annotation, f"{annotation.__name__} of {name.rsplit(' of ', maxsplit=1)[-1]}", is_target=is_target
        )
    return SCALARS[_KINDS[annotation]]


def _annotated(annotation: Any, name: str, *, is_target: bool) -> Shape:
    for note in annotation.__metadata__:
        if isinstance(note, StringConstraints):
            return Shape("text", most=note.max_length)
        if isinstance(note, str):
            return SCALARS[note]
    return _shape(annotation.__origin__, name, is_target=is_target)
