"""What a client asks a list for, in the words of the profile; and how a page says where the next one is."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from bridge_sandbox.bng import listing
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.listing import DEFAULT_LIMIT, Page, Query
from bridge_sandbox.bng.names import Names, steps
from bridge_sandbox.bng.problems import MALFORMED, Problem
from bridge_sandbox.bng.profile import Profile

FIELDS = listing.FILTERS | {"updated_since": "UpdatedAt"}
SKIP_TOKEN = "$skiptoken"
Json = dict[str, Any]
Asked = Iterator[tuple[str, str]]


class Questions:
    """Of one profile."""

    def __init__(self, profile: Profile, names: Names) -> None:
        self._how = profile["list"]
        self._names = names

    def read(self, entity: Entity, request: web.Request) -> Query:
        """The query in a request; raises Problem for what the profile does not have."""
        parameters = dict(request.query)
        limit = self._limit(parameters, request.headers)
        asked = dict(self._filters(entity, parameters))
        since = asked.pop("updated_since", None)
        after, offset = self._position(parameters, limit)
        for name in self._how["always"]:
            parameters.pop(name, None)
        if parameters:
            raise Problem(MALFORMED, f"unknown query parameters: {', '.join(sorted(parameters))}")
        return Query(limit, after, offset, None if since is None else listing.read_since(since), asked)

    def body(self, request: web.Request, page: Page, rows: list[Any]) -> Any:
        """The page as it is answered."""
        body: Any = {}
        at = self._how["records"]
        if not at:
            return rows
        set_at(body, at, rows)
        following, cursor = self._how["next"], page.cursor
        match following["by"]:
            case "cursor":
                set_at(body, following["at"], cursor)
            case "link" if cursor:
                set_at(body, following["at"], str(request.url.update_query({SKIP_TOKEN: cursor})))
            case "offset" | "page" if following["more"]:
                set_at(body, following["more"], page.has_more)
        return body

    def _limit(self, parameters: dict[str, str], headers: Mapping[str, str]) -> int:
        size = self._how["size"]
        if not size["header"]:
            return listing.read_limit(parameters.pop(size["parameter"], str(DEFAULT_LIMIT)))
        shape = re.escape(size["text"]).replace(re.escape("{size}"), "([0-9]+)")
        found = re.search(shape, headers.get(size["header"], ""))
        return listing.read_limit(found[1] if found else str(DEFAULT_LIMIT))

    def _position(self, parameters: dict[str, str], limit: int) -> tuple[listing.Position | None, int | None]:
        following = self._how["next"]
        if following["by"] in ("offset", "page"):
            number = whole(parameters.pop(following["parameter"], "0" if following["by"] == "offset" else "1"))
            return None, number if following["by"] == "offset" else max(0, number - 1) * limit
        name = SKIP_TOKEN if following["by"] == "link" else following["parameter"]
        cursor = parameters.pop(name, None)
        return None if cursor is None else listing.read_cursor(cursor), None

    def _filters(self, entity: Entity, parameters: dict[str, str]) -> Asked:
        how = self._how["filters"]
        if how["by"] == "parameters":
            for name in FIELDS:
                text = parameters.pop(how["parameters"].get(name, name), None)
                if text is not None:
                    yield self._asked(entity, name, text)
            return
        text = parameters.pop(how["parameter"], None)
        if text is not None:
            yield from self._in_json(entity, text) if how["by"] == "json" else self._in_expression(entity, text, how)

    def _in_json(self, entity: Entity, text: str) -> Asked:
        try:
            terms = [(str(field), str(operator), value) for field, operator, value in json.loads(text)]
        except (ValueError, TypeError) as error:
            raise Problem(MALFORMED, f"the filters cannot be read: {error}") from error
        for field, operator, value in terms:
            name = self._filter_of(entity, field)
            if operator != (">=" if name == "updated_since" else "="):
                raise Problem(MALFORMED, f"{field} cannot be compared by {operator}")
            yield self._asked(entity, name, value)

    def _in_expression(self, entity: Entity, text: str, how: Mapping[str, str]) -> Asked:
        equal, since = (term(how[name], how["quote"]) for name in ("equal", "since"))
        at = 0
        while at < len(text):
            found = equal.match(text, at) or since.match(text, at)
            if found is None:
                raise Problem(MALFORMED, f"the filter cannot be read at {text[at:]!r}")
            quote = how["quote"]
            value = found["value"].replace(quote * 2, quote) if quote else found["value"]
            yield self._asked(entity, self._filter_of(entity, found["field"]), value)
            at = found.end()
            if text.startswith(how["together"], at):
                at += len(how["together"])

    def _asked(self, entity: Entity, name: str, value: Any) -> tuple[str, str]:
        if name != "updated_since":
            return name, self._names.value_in(entity, FIELDS[name], value)
        try:
            return name, self._names.time_in(str(value))
        except ValueError as error:
            raise Problem(MALFORMED, f"{value!r} is not a time of this profile") from error

    def _filter_of(self, entity: Entity, field: str) -> str:
        known = {self._names.name_of(entity, own): name for name, own in FIELDS.items()}
        if field not in known:
            raise Problem(MALFORMED, f"{field} cannot be asked for")
        return known[field]


def term(template: str, quote: str) -> re.Pattern[str]:
    """What one comparison looks like."""
    mark = re.escape(quote)
    inside = f"(?P<value>(?:[^{mark}]|{mark}{mark})*)" if quote and quote in template else r"(?P<value>\S+)"
    shape = re.escape(template).replace(re.escape("{value}"), inside)
    return re.compile(shape.replace(re.escape("{field}"), r"(?P<field>[\w./@]+)"))


def whole(text: str) -> int:
    """From 0 upwards."""
    if not text.isascii() or not text.isdecimal():
        raise Problem(MALFORMED, f"{text!r} is not a whole number")
    return int(text)


def set_at(body: Any, pointer: str, value: Any) -> None:
    """Put the value where the JSON pointer leads, making what is missing on the way: lists where a step is a number."""
    *way, last = steps(pointer)
    for step, following in zip(way, [*way, last][1:], strict=True):
        body = make(body, step, [] if following.isdecimal() else {})
    make(body, last, value)
    if not isinstance(body, list):
        body[last] = value


def make(body: Any, step: str, value: Any) -> Any:
    """What is at this step, made of `value` if nothing is."""
    if not isinstance(body, list):
        return body.setdefault(step, value)
    if int(step) == len(body):
        body.append(value)
    return body[int(step)]
