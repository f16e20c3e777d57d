"""Every refusal of this server, as problem+json (RFC 9457) with a `type` from a fixed list."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

FieldProblem = tuple[str, str]
"""A JSON pointer into the request's body, and what is wrong there."""


@dataclass(frozen=True)
class Sort:
    """One entry of the fixed list: the last part of the type's URN, the status and the title."""

    name: str
    status: int
    title: str

    @property
    def urn(self) -> str:
        """The `type` of the problem."""
        return f"urn:bng:problem:{self.name}"


MALFORMED = Sort("malformed", 400, "The request cannot be read")
KEY_MISSING = Sort("idempotency-key-missing", 400, "Idempotency-Key is missing")
DONE_BEFORE = Sort("done-before", 400, "The request was carried out before")
UNAUTHORIZED = Sort("unauthorized", 401, "No valid credentials")
NOT_FOUND = Sort("not-found", 404, "No such record")
DUPLICATE_EXTERNAL_ID = Sort("duplicate-external-id", 409, "ExternalID is taken")
KEY_IN_FLIGHT = Sort("idempotency-key-in-flight", 409, "A request with this Idempotency-Key is being processed")
PRECONDITION_FAILED = Sort("precondition-failed", 412, "The record is not in the state that was asked for")
VERSION_REQUIRED = Sort("version-required", 428, "The version must be named")
VALIDATION = Sort("validation", 422, "The record is not valid")
UNKNOWN_CUSTOMER = Sort("unknown-customer", 422, "No such customer")
UNBALANCED_ENTRY = Sort("unbalanced-entry", 422, "Debits and credits differ")
CLOSED_PERIOD = Sort("closed-period", 422, "The period is closed")
INSUFFICIENT_STOCK = Sort("insufficient-stock", 422, "Not enough stock on hand")
KEY_REUSED = Sort("idempotency-key-reused", 422, "Idempotency-Key was used with another request")
RATE_LIMITED = Sort("rate-limited", 429, "Too many requests")


@dataclass(eq=False)
class Problem(Exception):
    """A refusal on its way to the client; raised anywhere below the routes, rolls the transaction back."""

    sort: Sort
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """The answer."""
        errors = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors]
        extra: dict[str, Any] = {"errors": errors} if errors else {}
        return problem_response(
            self.sort.status, self.sort.urn, self.sort.title, self.headers, detail=self.detail, **extra
        )


def invalid(errors: Iterable[FieldProblem]) -> Problem:
    """The Problem for fields that are wrong; its detail repeats the first of them."""
    listed = tuple(errors)
    return Problem(VALIDATION, f"{listed[0][0]}: {listed[0][1]}", listed)


def rendering(render: Callable[[Problem], web.Response]) -> Middleware:
    """Turn a Problem, and aiohttp's own 404 and 405, into the answer."""

    @web.middleware
    async def render_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            return render(problem)
        except web.HTTPException as error:
            kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return problem_response(error.status, "about:blank", error.reason, kept)

    return render_problems


def render_fault(status: int, retry_after: str | None) -> web.Response:
    """The answer of the `status` fault: a problem of no known type, as a gateway in front would send it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return problem_response(status, "about:blank", title_of(status), headers)


def render_maintenance(_request: web.Request) -> web.Response:
    """What every call is answered while BNG is being worked on."""
    return problem_response(503, "about:blank", "BNG is down for maintenance", {})


def problem_response(status: int, kind: str, title: str, headers: dict[str, str], **members: Any) -> web.Response:
    """`kind` is the problem's type, `about:blank` if it has none."""
    body = {"type": kind, "title": title, "status": status} | members
    return web.Response(status=status, text=json.dumps(body), content_type="application/problem+json", headers=headers)


def title_of(status: int) -> str:
    """The reason phrase, or a plain word for a status that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
