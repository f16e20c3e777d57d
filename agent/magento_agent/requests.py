"""What the bridge may ask, and what it is answered: the words on down/requests and up/responses."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import InvalidEvent
from bridge_common.http import Answer
from bridge_common.magento_rest import Query
from magento_agent.hydrate import SOURCES
from magento_agent.rows import Added, Wanted

Operation = Literal["rest", "amend", "ping", "state", "outbox", "reemit"]
Reason = Literal["stale-epoch", "expired", "not-allowed", "changed"]
Response = dict[str, Any]
MOST_ENTITIES = 500
"""In one request: it becomes one statement on the outbox, which the shop's own must not wait for."""


@dataclass(frozen=True, slots=True)
class Request:
    """`about` is the request whose state is asked for; `entities` are those to be sent again; `expected` is how a record has
    to look that is to be amended.

    `ends_s` is the monotonic time from which on it may not be executed any more.
    """

    id: str
    operation: Operation
    epoch: int
    expires_at: datetime
    method: str = ""
    path: str = ""
    query: Query | None = None
    body: Any = None
    about: str = ""
    expected: str = ""
    entities: tuple[Wanted, ...] = ()
    ends_s: float = math.inf

    @property
    def left_s(self) -> float:
        return self.ends_s - time.monotonic()

    @property
    def is_write(self) -> bool:
        return self.operation == "amend" or (self.operation == "rest" and self.method != "GET")


def decode(payload: bytes, expires_in_s: float | None = None) -> Request:
    """`expires_in_s` is what the broker says: two clocks that know nothing of each other; the shorter time counts. A wall
    clock that is wrong refuses a request at worst, and never lets a late one through.

    Raises InvalidEvent.
    """
    try:
        fields = decimal_json.loads(payload)
        expires_at = from_text(fields["expires_at"])
        left_s = min((expires_at - utc_now()).total_seconds(), math.inf if expires_in_s is None else expires_in_s)
        if fields["operation"] not in get_args(Operation):
            raise InvalidEvent(f"unknown operation {fields['operation']!r}")
        return Request(
            id=str(fields["id"]),
            operation=fields["operation"],
            epoch=int(fields["epoch"]),
            expires_at=expires_at,
            method="PUT" if fields["operation"] == "amend" else str(fields.get("method", "")).upper(),
            path=str(fields.get("path", "")),
            query=_pairs(fields.get("query")),
            body=fields.get("body"),
            about=str(fields.get("request_id", "")),
            expected=str(fields["expected"]) if fields["operation"] == "amend" else "",
            entities=_wanted(fields["entities"]) if fields["operation"] == "reemit" else (),
            ends_s=time.monotonic() + left_s,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidEvent(f"not a request: {type(error).__name__}: {error}") from error


def done(request: Request, answer: Answer) -> Response:
    response = {"id": request.id, "state": "done", "status": answer.status, "body": answer.body}
    return response if answer.retry_after_s is None else response | {"retry_after": answer.retry_after_s}


def told(request: Request, body: dict[str, Any]) -> Response:
    """The agent's own answer."""
    return {"id": request.id, "state": "done", "status": 200, "body": body}


def reemitted(request: Request, added: Added) -> Response:
    """Which have a row now, and which had one."""
    inserted, waiting = (
        [_pair(each) for each in request.entities if (each in added.wanted) == is_new] for is_new in (True, False)
    )
    return told(request, {"inserted": inserted, "waiting": waiting, "at": to_text(added.at.replace(tzinfo=UTC))})


def refused(request: Request, reason: Reason) -> Response:
    """Certainly not executed."""
    return {"id": request.id, "state": "refused", "reason": reason}


def failed(request_id: str, kind: Literal["unsent", "unknown"], error: str) -> Response:
    """unsent: certainly not executed. unknown: sent, and no answer."""
    return {"id": request_id, "state": "failed", "kind": kind, "error": error}


def fitted(request: Request, response: Response, limit: int) -> Response:
    """The same within `limit` bytes of JSON: over a larger packet the broker cuts the connection, again and again.

    A body that does not fit is left out: a read then ends as 413, a write keeps its status.
    """
    size = len(decimal_json.dumps(response).encode())
    if size <= limit:
        return response
    status = response["status"] if request.is_write else 413
    message = f"the answer of {size} bytes does not fit into a packet of {limit}; ask for less"
    return {"id": request.id, "state": "done", "status": status, "body": {"message": message}}


def _pairs(query: Any) -> Query | None:
    if not query:
        return None
    pairs = query.items() if isinstance(query, Mapping) else query
    return [(str(name), str(value)) for name, value in pairs]


def _wanted(entities: Any) -> tuple[Wanted, ...]:
    """Each once, in their order."""
    if len(entities) > MOST_ENTITIES:
        raise InvalidEvent(f"{len(entities)} entities in one request, at most {MOST_ENTITIES}")
    wanted = [Wanted(each["entity"], int(each["entity_id"]), each.get("op", "U")) for each in entities]
    for each in wanted:
        if each.entity not in SOURCES or each.op not in ("U", "D"):
            raise InvalidEvent(f"cannot be sent again: {each}")
    return tuple(dict.fromkeys(wanted))


def _pair(wanted: Wanted) -> dict[str, str]:
    """As it was asked."""
    pair = {"entity": wanted.entity, "entity_id": str(wanted.entity_id)}
    return pair | {"op": "D"} if wanted.op == "D" else pair
