"""The records, parts of records, problems and webhooks as JSON Schema, made of the tables that the server checks with."""

from typing import Any

from bridge_sandbox.bng import webhooks
from bridge_sandbox.bng.checks import ref
from bridge_sandbox.bng.entities import PARTS
from bridge_sandbox.bng.entity import TIME, Entity
from bridge_sandbox.bng.fields import Field, Schema, Shape

IGNORED: Schema = {"description": "The server's own; ignored, so that a record read can be sent back."}


def all_schemas() -> dict[str, Schema]:
    """What stands under `components` beside the entities."""
    parts = {part.name: stored(part) for part in PARTS} | {f"{part.name}Input": sent(part) for part in PARTS}
    hooks = {webhook_name(kind): webhook(kind, entity) for kind, entity in webhooks.TYPES.items()}
    return parts | hooks | {"Problem": PROBLEM, "Token": TOKEN, "TokenError": TOKEN_ERROR}


def entity_schemas(entity: Entity, *, created: bool, changed: bool) -> dict[str, Schema]:
    """The record and a page of them, and what may be sent to create and to change one."""
    described = {entity.name: stored(entity.shape), f"{entity.name}Page": page(entity)}
    if created:
        described[f"{entity.name}Input"] = sent(entity.shape)
    if changed:
        described[f"{entity.name}Changes"] = sent(entity.shape, partial=True)
    return described


def stored(shape: Shape) -> Schema:
    """An object as it is answered: all its fields are there."""
    fields = {name: given(field) for name, field in shape.fields.items()}
    return closed(fields | dict(shape.ignored))


def sent(shape: Shape, *, partial: bool = False) -> Schema:
    """An object as a client may send it; with `partial` nothing is required."""
    fields = {name: taken(field, partial=partial) for name, field in shape.fields.items()}
    required = [name for name, field in shape.fields.items() if field.required and not partial]
    return closed(fields | dict.fromkeys(shape.ignored, IGNORED), required)


def given(field: Field) -> Schema:
    """A field's value as it is answered."""
    return or_null(field.check.gives) if field.is_nullable else field.check.gives


def taken(field: Field, *, partial: bool) -> Schema:
    """A field's value as it may be sent: null counts as absent."""
    if field.required:
        return field.check.takes
    if field.default is None or partial:
        return or_null(field.check.takes)
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    return or_null(field.check.takes) | {"default": default}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    kind = schema.get("type")
    if kind is None:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [*(kind if isinstance(kind, list) else [kind]), "null"]}


def closed(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    """An object with these fields and no others; all are required unless told which."""
    needed: dict[str, Any] = {"required": list(properties) if required is None else required}
    return {"type": "object", "properties": properties, "additionalProperties": False} | (
        needed if needed["required"] else {}
    )


def page(entity: Entity) -> Schema:
    """One page of a list."""
    cursor = {"type": ["string", "null"], "description": "For the next page; null on the last one."}
    return closed({"items": {"type": "array", "items": ref(entity.name)}, "next_cursor": cursor})


def webhook(kind: str, entity: Entity) -> Schema:
    """The body of a webhook: it names the record that changed, and carries no content."""
    known = stored(entity.shape)["properties"]
    named = {name: known[name] for name in (entity.id_field, *webhooks.HINTS) if name in known}
    always = [name for name, schema in named.items() if "null" not in schema["type"]]
    data = closed({name: without_null(schema) for name, schema in named.items()}, always)
    return closed({"type": {"const": kind}, "timestamp": TIME, "data": data})


def webhook_name(kind: str) -> str:
    """Such as ShipmentCreated."""
    return "".join(word.capitalize() for word in kind.split("_"))


def without_null(schema: Schema) -> Schema:
    """For a field that is left out where it would be null."""
    return schema | {"type": schema["type"][0]} if "null" in schema["type"] else schema


PROBLEM = closed(
    {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": closed(
                {
                    "pointer": {"type": "string", "description": "A JSON pointer into the request's body."},
                    "detail": {"type": "string"},
                }
            ),
        },
    },
    ["type", "title", "status"],
)
TOKEN = closed(
    {
        "access_token": {"type": "string"},
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "Seconds."},
    }
)
TOKEN_ERROR = closed({"error": {"enum": ["invalid_client", "unsupported_grant_type"]}})
