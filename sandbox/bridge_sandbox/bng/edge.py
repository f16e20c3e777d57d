"""The edge of this server: requests and answers in the words of its profile, everything behind it in BNG's.

What the profile says of paths, names, lists, guards and refusals is done here and in names.py and questions.py; the
rules of customers, orders and stock do not know of it.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bridge_common import decimal_json
from bridge_sandbox.bng import preconditions, records
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.idempotency import Answer, Keys
from bridge_sandbox.bng.listing import Page, Query
from bridge_sandbox.bng.names import Names
from bridge_sandbox.bng.problems import PRECONDITION_FAILED, VALIDATION, VERSION_REQUIRED, Problem, invalid
from bridge_sandbox.bng.profile import Profile, is_on
from bridge_sandbox.bng.questions import Questions, set_at
from bridge_sandbox.bng.records import Record


class Edge:
    """Of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.names = Names(profile)
        self.keys = Keys.of(profile["idempotency"])
        self._questions = Questions(profile, self.names)
        self._looks_like_bng = profile.looks_like_bng

    def base(self, entity: Entity) -> str:
        """The path of the resource, for the route of its list."""
        return routed(f"{self.profile['base_path']}/{self.profile.path_of(entity.resource)}")

    def path(self, kind: str, entity: Entity) -> str:
        """`record`, `external` or `cancel`, for a route."""
        return routed(self._path(kind, entity))

    def _path(self, kind: str, entity: Entity) -> str:
        template: str = self.profile["paths"][kind]
        return f"{self.profile['base_path']}/{template.replace('{path}', self.profile.path_of(entity.resource))}"

    def id_in(self, entity: Entity, request: web.Request) -> str:
        """The record that the request's path names."""
        return self.names.value_in(entity, entity.id_field, request.match_info["id"])

    def query(self, entity: Entity, request: web.Request) -> Query:
        return self._questions.read(entity, request)

    def listed(self, entity: Entity, request: web.Request, page: Page) -> web.Response:
        """One page of a list."""
        is_full = self.profile["list"]["rows"] == "full"
        rows = [self._shown(entity, records.load(text)) for text in page.texts]
        id_path = self.names.name_of(entity, entity.id_field).split("/")
        found = rows if is_full else [{id_path[0]: row[id_path[0]]} for row in rows]
        return json_response(200, self._questions.body(request, page, found))

    def answer(self, entity: Entity, status: int, record: Record, *, is_write: bool = False) -> Answer:
        """One record. A write may be answered without it; then a new one's address is all that comes back."""
        headers = {}
        if status == 201:
            headers["Location"] = quote(self._path("record", entity).replace("{id}", record[entity.id_field]), "/()")
        if is_write and self.profile["answers"]["writes"] == "nothing":
            return Answer(204, "", headers)
        if tag := self._tag(entity, record):
            headers["ETag"] = tag
        shown: Any = self._shown(entity, record)
        if at := self.profile["answers"]["record"]:
            inside, shown = shown, {}
            set_at(shown, at, inside)
        return Answer(status, decimal_json.dumps(shown), headers)

    def check(self, entity: Entity, request: web.Request, body: Any, record: Record | None) -> None:
        """Raise Problem if the record, or that there is none, is not what the request expects."""
        how = self.profile["concurrency"]
        if how["check"] == "if-match":
            if record is not None and request.method != "POST" and is_on(how["required"]):
                need(request.headers.get("If-Match") or request.headers.get("If-None-Match"))
            preconditions.check(request.headers, record, lambda known: self._tag(entity, known))
        if how["check"] == "field" and record is not None and isinstance(body, dict):
            name, version = self.names.name_of(entity, "Version"), str(self._version(entity, record))
            if str(body.get(name, version)) != version:
                raise Problem(PRECONDITION_FAILED, f"{name} is {version}")

    def render(self, problem: Problem) -> web.Response:
        """A refusal."""
        how = self.profile["errors"]
        said: Mapping[str, str] = how["problems"].get(problem.sort.name, {})
        status = int(said.get("status", problem.sort.status))
        headers = dict(problem.headers)
        if not is_on(self.profile["limits"]["says_when"]):
            headers.pop("Retry-After", None)
        if self._looks_like_bng:
            return problem.response()
        body: Any = {}
        where = how["details"]
        for number, (pointer, detail) in enumerate(problem.errors):
            set_at(body, f"{where['list']}/{number}{where['pointer']}", pointer)
            set_at(body, f"{where['list']}/{number}{where['text']}", detail)
        set_at(body, how["code"], said.get("code", problem.sort.name))
        if not problem.errors or not how["texts"][0].startswith(f"{where['list']}/"):
            set_at(body, how["texts"][0], problem.detail)
        return json_response(status, body, headers)

    def refused(self, entity: Entity, problem: Problem) -> Problem:
        """The same with its pointers into the client's body."""
        errors = tuple((self.names.pointer_out(entity, pointer), detail) for pointer, detail in problem.errors)
        detail = invalid(errors).detail if problem.sort is VALIDATION else problem.detail
        return Problem(problem.sort, detail, errors, problem.headers)

    def _shown(self, entity: Entity, record: Record) -> Record:
        if self._looks_like_bng:
            return record
        version = self._version(entity, record)
        names = self.names.rules_of(entity)
        shown = self.names.outward(entity, record)
        if "Version" in names and "Version" not in self.names.omitted(entity):
            shown[names["Version"]] = version
        return shown

    def _version(self, entity: Entity, record: Record) -> Any:
        """A number, a whole ETag where the profile has that in the record, or the time of the last change."""
        rules = self.names.rules_of(entity)
        if "Version" in rules and rules.get("UpdatedAt") == rules["Version"]:
            return self.names.outward(entity, {"UpdatedAt": record["UpdatedAt"]})[rules["UpdatedAt"]]
        return f'W/"{record["Version"]}"' if self.profile["concurrency"]["tag"] == "{Version}" else record["Version"]

    def _tag(self, entity: Entity, record: Record) -> str:
        """The ETag; empty where the profile has none."""
        how = self.profile["concurrency"]
        if how["check"] == "field" or ("Version" in self.names.omitted(entity) and how["version"] == "body"):
            return ""
        return str(how["tag"]).replace("{Version}", str(self._version(entity, record)))


def routed(path: str) -> str:
    """As a route's pattern. aiohttp finds no dynamic route with a space in its fixed parts; in a part by itself it does."""
    return re.sub(r"(?<=/)([^/{}]* [^/{}]*)", r"{part:\1}", path)


def need(condition: str | None) -> None:
    """Raise Problem if the request names no version."""
    if condition is None:
        raise Problem(VERSION_REQUIRED, "the request needs If-Match")


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """Decimals go out as they are written."""
    text = decimal_json.dumps(body)
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)
