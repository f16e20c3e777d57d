"""The API as an OpenAPI 3.1 document, made of the tables that the server routes and checks by: it cannot drift.

What no table says, the refusals of each verb and the headers, stands here; a test compares it with real answers.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bridge_sandbox.bng import headers, problems, webhooks
from bridge_sandbox.bng.auth import DOCUMENT_PATH
from bridge_sandbox.bng.checks import ref
from bridge_sandbox.bng.headers import parameter
from bridge_sandbox.bng.problems import Sort
from bridge_sandbox.bng.resources import RESOURCES, Action, Resource
from bridge_sandbox.bng.schemas import all_schemas, entity_schemas, sent, webhook_name

Json = dict[str, Any]
TOKEN_PATH = "/oauth/token"

DESCRIPTION = """\
What the bridge assumes of BNG, as the sandbox serves it. Money is a decimal string, dates are YYYY-MM-DD, times RFC 3339
in UTC. Every refusal is a problem (RFC 9457) with a type from a fixed list; anything else that may come, also from a
gateway in front, is under `default`."""

ON_READING_A_BODY = (problems.MALFORMED, problems.VALIDATION)
KEYED = (problems.KEY_MISSING, problems.KEY_IN_FLIGHT, problems.KEY_REUSED, problems.DUPLICATE_EXTERNAL_ID)
"""Of a write that makes a record under a key."""


def document(*, no_keys: bool) -> Json:
    """The document of a server that was started with or without --no-keys."""
    paths: defaultdict[str, Json] = defaultdict(dict)
    for resource in RESOURCES:
        describe_resource(paths, resource, no_keys=no_keys)
    return {
        "openapi": "3.1.0",
        "info": {"title": "BNG", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"oauth2": []}, {"apiKey": []}],
        "tags": [{"name": resource.entity.resource} for resource in RESOURCES],
        "paths": dict(paths) | {TOKEN_PATH: {"post": TOKEN}, DOCUMENT_PATH: {"get": THIS}},
        "webhooks": {kind: {"post": announcement(kind)} for kind in webhooks.TYPES},
        "components": {
            "schemas": all_schemas() | {name: each for one in RESOURCES for name, each in described(one).items()},
            "securitySchemes": SECURITY,
            "headers": headers.COMPONENTS,
        },
    }


def describe_resource(paths: defaultdict[str, Json], resource: Resource, *, no_keys: bool) -> None:
    """Add the paths of one resource, by the same conditions as the server's routes."""
    base = f"/api/v1/{resource.entity.resource}"
    paths[base]["get"] = listing(resource)
    paths[f"{base}/{{id}}"] = {"parameters": [ID], "get": reading(resource)}
    if resource.accepts_post:
        paths[base]["post"] = creation(resource, no_keys=no_keys)
    if resource.update is not None:
        paths[f"{base}/{{id}}"]["patch"] = change(resource, no_keys=no_keys)
    if resource.upsert is not None and not no_keys:
        paths[f"{base}/{resource.upsert.path}/{{key}}"] = {"parameters": [KEY], "put": upsert(resource)}
    if resource.action is not None:
        described = action(resource, resource.action, no_keys=no_keys)
        paths[f"{base}/{{id}}/{resource.action.name}"] = {"parameters": [ID], "post": described}


def described(resource: Resource) -> Json:
    """The schemas of one resource."""
    shape = None if resource.action is None else resource.action.shape
    asked = {} if shape is None else {shape.name: sent(shape)}
    return asked | entity_schemas(resource.entity, created=resource.accepts_post, changed=resource.update is not None)


def listing(resource: Resource) -> Json:
    """GET of a list."""
    name = resource.entity.name
    found = {"description": "One page, by UpdatedAt and id.", "headers": headers.RATE, **json_of(ref(f"{name}Page"))}
    return operation(resource, f"list{name}s", {"200": found}, [problems.MALFORMED]) | {"parameters": headers.QUERY}


def reading(resource: Resource) -> Json:
    """GET of a record."""
    return operation(resource, f"get{resource.entity.name}", {"200": record(resource)}, [problems.NOT_FOUND])


def creation(resource: Resource, *, no_keys: bool) -> Json:
    """POST of a record."""
    refused = [*ON_READING_A_BODY, *resource.refuses]
    answers = {"201": record(resource, new=True, replayed=not no_keys)}
    if not no_keys:
        refused += KEYED
    described = operation(resource, f"create{resource.entity.name}", answers, refused)
    described["requestBody"] = body(f"{resource.entity.name}Input")
    return described if no_keys else described | {"parameters": [headers.IDEMPOTENCY_KEY]}


def change(resource: Resource, *, no_keys: bool) -> Json:
    """PATCH of a record."""
    refused = [*ON_READING_A_BODY, *resource.refuses, problems.NOT_FOUND]
    if not no_keys:
        refused += [problems.DUPLICATE_EXTERNAL_ID, problems.PRECONDITION_FAILED]
    described = operation(resource, f"change{resource.entity.name}", {"200": record(resource)}, refused)
    described["requestBody"] = body(f"{resource.entity.name}Changes")
    return described if no_keys else described | {"parameters": headers.PRECONDITIONS}


def upsert(resource: Resource) -> Json:
    """PUT by the client's own key."""
    assert resource.upsert is not None
    answers = {"200": record(resource), "201": record(resource, new=True)}
    key = resource.upsert.field
    refused = [*ON_READING_A_BODY, *resource.refuses, problems.PRECONDITION_FAILED]
    if key != "ExternalID":
        refused.append(problems.DUPLICATE_EXTERNAL_ID)
    return operation(resource, f"put{resource.entity.name}", answers, refused) | {
        "description": f"The key is the {key}. A new record needs its required fields; one that is there is changed.",
        "requestBody": body(f"{resource.entity.name}Changes"),
        "parameters": headers.PRECONDITIONS,
    }


def action(resource: Resource, action: Action, *, no_keys: bool) -> Json:
    """POST …/{action}."""
    refused = [problems.NOT_FOUND, problems.VALIDATION, *action.refuses]
    keyed = action.makes and not no_keys
    if not no_keys:
        refused.append(problems.PRECONDITION_FAILED)
    if action.shape is not None:
        refused.append(problems.MALFORMED)
    if keyed:
        refused += KEYED
    new = {"201": record(resource, new=True, replayed=keyed)}
    answers = new if action.makes else {"200": record(resource)}
    described = operation(resource, f"{action.name}{resource.entity.name}", answers, refused)
    if action.shape is not None:
        described["requestBody"] = json_of(ref(action.shape.name))
    parameters = [*([headers.IDEMPOTENCY_KEY] if keyed else []), *([] if no_keys else headers.PRECONDITIONS)]
    return described | ({"parameters": parameters} if parameters else {})


def operation(resource: Resource, name: str, answers: Json, refused: Iterable[Sort]) -> Json:
    """An operation that anyone may call who is known, with its good and bad answers."""
    sorts = [*refused, problems.UNAUTHORIZED, problems.RATE_LIMITED]
    return {
        "operationId": name,
        "tags": [resource.entity.resource],
        "responses": answers | refusals(sorts) | {"default": OTHER},
    }


def record(resource: Resource, *, new: bool = False, replayed: bool = False) -> Json:
    """The answer with one record."""
    sent = headers.RECORD | (headers.NEW if new else {}) | (headers.REPLAYED if replayed else {})
    return {
        "description": "The new record." if new else "The record.",
        "headers": sent,
        **json_of(ref(resource.entity.name)),
    }


def refusals(sorts: Iterable[Sort]) -> Json:
    """By status, the problems of that status."""
    by_status: defaultdict[int, list[Sort]] = defaultdict(list)
    for sort in sorts:
        by_status[sort.status].append(sort)
    return {str(status): refusal(status, by_status[status]) for status in sorted(by_status)}


def refusal(status: int, sorts: list[Sort]) -> Json:
    """A problem of one of these sorts."""
    narrowed = {"type": {"enum": [sort.urn for sort in sorts]}, "status": {"const": status}}
    return {
        "description": ". ".join(sort.title for sort in sorts) + ".",
        "headers": headers.REFUSED.get(status, {}),
        "content": {"application/problem+json": {"schema": ref("Problem") | {"properties": narrowed}}},
    }


def announcement(kind: str) -> Json:
    """A webhook, described from the receiver's side."""
    return {
        "operationId": kind,
        "description": "Sent until it is accepted, with the same id; order is not kept. Read the record before acting.",
        "security": [],
        "parameters": headers.WEBHOOK,
        "requestBody": body(webhook_name(kind)),
        "responses": {
            "2XX": {"description": "Accepted."},
            "410": {"description": "Nothing more is sent to this URL."},
            "default": {"description": "It comes again after a pause."},
        },
    }


def body(name: str) -> Json:
    """A JSON body that has to be there."""
    return {"required": True, **json_of(ref(name))}


def json_of(schema: Json) -> Json:
    """As a `content`."""
    return {"content": {"application/json": {"schema": schema}}}


ID = parameter("path", "id", {"type": "string"}, required=True)
KEY = parameter("path", "key", {"type": "string"}, required=True)
OTHER = {
    "description": "Anything else, also of a gateway in front.",
    "content": {"application/problem+json": {"schema": ref("Problem")}, "text/html": {}},
}
SECURITY = {
    "oauth2": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": TOKEN_PATH, "scopes": {}}}},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
TOKEN = {
    "operationId": "issueToken",
    "description": "OAuth 2.0 client credentials, in the form or by basic authentication.",
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"const": "client_credentials"},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                    },
                    "required": ["grant_type"],
                }
            }
        },
    },
    "responses": {
        "200": {"description": "A token.", **json_of(ref("Token"))},
        "400": {"description": "Another grant.", **json_of(ref("TokenError"))},
        "401": {"description": "The client is not known.", **json_of(ref("TokenError"))},
        "default": OTHER,
    },
}
THIS = {
    "operationId": "describe",
    "security": [],
    "responses": {
        "200": {"description": "This document.", **json_of({"type": "object"})},
        **refusals([problems.RATE_LIMITED]),
        "default": OTHER,
    },
}
