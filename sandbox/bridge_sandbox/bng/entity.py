"""What one kind of record is made of, and the fields that all have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bridge_sandbox.bng import checks
from bridge_sandbox.bng.fields import Field, Schema, Shape

TIME: Schema = {"type": "string", "format": "date-time", "pattern": r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$"}
SERVER_FIELDS: Mapping[str, Schema] = {
    "Version": {"type": "integer", "minimum": 1},
    "CreatedAt": TIME,
    "UpdatedAt": TIME,
    "UpdatedBy": {"type": "string", "description": "The client id of the last writer."},
    "Deleted": {"type": "boolean"},
}
OTHER_ID: Schema = {"type": ["string", "null"]}
EXTERNAL_ID = Field(checks.text(64))
TEXT = Field(checks.text())
LONG_TEXT = Field(checks.text(4000))
ZERO = Field(checks.money, default="0.00")


@dataclass(frozen=True)
class Entity:
    """One kind of record. `own` are the client's fields, `kept` those that only the server writes, as JSON Schema."""

    name: str
    resource: str
    prefix: str
    own: Mapping[str, Field]
    kept: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def id_field(self) -> str:
        """Such as CustomerID."""
        return f"{self.name}ID"

    @cached_property
    def shape(self) -> Shape:
        """What a client may send; the server's own fields are ignored, so that a record read can be sent back."""
        return Shape(
            {"ExternalID": EXTERNAL_ID} | dict(self.own),
            {self.id_field: {"type": "string"}} | dict(self.kept) | dict(SERVER_FIELDS),
            self.name,
        )
