"""Parameters and headers of the API, as its OpenAPI document describes them."""

from typing import Any

from bridge_sandbox.bng.listing import DEFAULT_LIMIT, FILTERS, LONGEST_LIMIT

Json = dict[str, Any]


def parameter(place: str, name: str, schema: Json, description: str = "", *, required: bool = False) -> Json:
    """A parameter in the path, the query or a header."""
    described = {"description": description} if description else {}
    return {"name": name, "in": place, "required": required, "schema": schema, **described}


def header(description: str, schema: Json | None = None, *, required: bool = False) -> Json:
    """A header of an answer."""
    return {"description": description, "required": required, "schema": schema or {"type": "string"}}


def refer(*names: str) -> Json:
    """Headers by reference to the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


QUERY = [
    parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": LONGEST_LIMIT, "default": DEFAULT_LIMIT}),
    parameter("query", "cursor", {"type": "string"}, "The next_cursor of the page before."),
    parameter(
        "query",
        "updated_since",
        {"type": "string", "format": "date-time"},
        "With an offset. A record that changes while a list is read may come twice; none is missed.",
    ),
    *(parameter("query", name, {"type": "string"}, "The field of this name equals it.") for name in FILTERS),
]

IDEMPOTENCY_KEY = parameter(
    "header",
    "Idempotency-Key",
    {"type": "string"},
    "One key, one write, one answer; kept for 7 days per client.",
    required=True,
)
PRECONDITIONS = [
    parameter("header", "If-Match", {"type": "string"}, "The ETag that the record must have, or *: that it exists."),
    parameter("header", "If-None-Match", {"type": "string"}, "*: that it does not exist."),
]
WEBHOOK = [
    parameter("header", "webhook-id", {"type": "string"}, "The same each time it is sent.", required=True),
    parameter("header", "webhook-timestamp", {"type": "string", "pattern": "^[0-9]+$"}, "Unix time.", required=True),
    parameter(
        "header",
        "webhook-signature",
        {"type": "string", "pattern": "^v1,"},
        "Standard Webhooks: HMAC-SHA256 over id, timestamp and body.",
        required=True,
    ),
]

COMPONENTS = {
    "ETag": header("The record's Version.", {"type": "string", "pattern": '^"[0-9]+"$'}, required=True),
    "CurrentETag": header("The tag it has now, if there is a record.", {"type": "string", "pattern": '^"[0-9]+"$'}),
    "Location": header("The record's own address.", {"type": "string", "format": "uri-reference"}, required=True),
    "Idempotent-Replayed": header("The answer of an earlier request with this key.", {"const": "true"}),
    "WWW-Authenticate": header("RFC 6750.", required=True),
    "Retry-After": header("Seconds.", {"type": "string", "pattern": "^[0-9]+$"}, required=True),
    "RateLimit": header("What is left, where there is a limit.", {"type": "string", "pattern": '^"default";r='}),
    "RateLimit-Policy": header("The limit, where there is one.", {"type": "string", "pattern": '^"default";q='}),
}
RATE = refer("RateLimit", "RateLimit-Policy")
RECORD = refer("ETag") | RATE
NEW = refer("Location")
REPLAYED = refer("Idempotent-Replayed")
REFUSED = {
    401: refer("WWW-Authenticate"),
    412: {"ETag": {"$ref": "#/components/headers/CurrentETag"}} | RATE,
    429: refer("Retry-After") | RATE,
}
"""By status; the others have no headers of their own."""
