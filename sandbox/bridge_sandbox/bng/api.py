"""The routes of the API: each reads the request, does its work in one transaction and answers."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web

from bridge_sandbox.bng import listing, records
from bridge_sandbox.bng.auth import ACTOR
from bridge_sandbox.bng.edge import Edge
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.fields import FieldErrors, Shape, check_object
from bridge_sandbox.bng.idempotency import Answer, InFlight
from bridge_sandbox.bng.problems import MALFORMED, NOT_FOUND, Problem, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.resources import RESOURCES, Action, Resource
from bridge_sandbox.bng.store import Store, Work

Write = Callable[[Work, bytes], Answer]


class Api:
    """The routes over one store, as the profile of the edge has them."""

    def __init__(self, store: Store, in_flight: InFlight, edge: Edge) -> None:
        self._store = store
        self._in_flight = in_flight
        self._edge = edge
        self._profile = edge.profile

    def routes(self) -> list[web.RouteDef]:
        """All of them; those by external id first, for a record's own path may match theirs, too."""
        return [route for resource in RESOURCES for route in self._routes_of(resource)]

    def _routes_of(self, resource: Resource) -> list[web.RouteDef]:
        entity = resource.entity
        base, record = self._edge.base(entity), self._edge.path("record", entity)
        routes = [*self._routes_by_key(resource), web.get(base, partial(self._list, resource=resource))]
        routes.append(web.get(record, partial(self._get, resource=resource)))
        if resource.accepts_post:
            routes.append(web.post(base, partial(self._post, resource=resource)))
        if resource.update is not None:
            verb = self._profile["update"]["verb"]
            routes.append(web.route(verb, record, partial(self._change, resource=resource)))
        if resource.action is not None and self._profile.has_action(resource.action.name):
            path = self._edge.path(resource.action.name, entity)
            routes.append(web.post(path, partial(self._act, resource=resource, action=resource.action)))
        return routes

    def _routes_by_key(self, resource: Resource) -> list[web.RouteDef]:
        external = self._edge.path("external", resource.entity).replace("{external_id}", "{key}")
        routes = []
        if self._profile["external_id"]["look_up"] == "path":
            routes.append(web.get(external, partial(self._get_by_external_id, resource=resource)))
        if resource.upsert is not None and self._profile["create"] != "post":
            by_field = f"{self._edge.base(resource.entity)}/{resource.upsert.path}/{{key}}"
            path = external if resource.upsert.field == "ExternalID" else by_field
            routes.append(web.put(path, partial(self._put, resource=resource)))
        return routes

    async def _list(self, request: web.Request, resource: Resource) -> web.Response:
        query = self._edge.query(resource.entity, request)
        with self._store.work(request[ACTOR]) as work:
            page = listing.page(work, resource.entity, query)
        return self._edge.listed(resource.entity, request, page)

    async def _get(self, request: web.Request, resource: Resource) -> web.Response:
        with self._store.work(request[ACTOR]) as work:
            record = records.get(work, resource.entity, self._edge.id_in(resource.entity, request))
        return self._edge.answer(resource.entity, 200, record).response()

    async def _get_by_external_id(self, request: web.Request, resource: Resource) -> web.Response:
        external_id = request.match_info["key"]
        with self._store.work(request[ACTOR]) as work:
            record = records.find(work, resource.entity, external_id)
        if record is None:
            raise Problem(NOT_FOUND, f"no {resource.entity.name} with ExternalID {external_id}")
        return self._edge.answer(resource.entity, 200, record).response()

    async def _post(self, request: web.Request, resource: Resource) -> web.Response:
        return await self._write(request, resource, lambda work, body: self._create(work, resource, body))

    async def _change(self, request: web.Request, resource: Resource) -> web.Response:
        def change(work: Work, body: bytes) -> Answer:
            record = records.get(work, resource.entity, self._edge.id_in(resource.entity, request))
            self._edge.check(resource.entity, request, read_json(body), record)
            return self._update(work, resource, record, body)

        return await self._write(request, resource, change)

    async def _put(self, request: web.Request, resource: Resource) -> web.Response:
        def upsert(work: Work, body: bytes) -> Answer:
            assert resource.upsert is not None
            key = {resource.upsert.field: request.match_info["key"]}
            record = resource.upsert.find(work, request.match_info["key"])
            self._edge.check(resource.entity, request, None, record)
            if record is None:
                return self._create(work, resource, body, key)
            return self._update(work, resource, record, body, key)

        return await self._write(request, resource, upsert)

    async def _act(self, request: web.Request, resource: Resource, action: Action) -> web.Response:
        entity = resource.entity

        def act(work: Work, body: bytes) -> Answer:
            record = records.get(work, entity, self._edge.id_in(entity, request))
            self._edge.check(entity, request, None, record)
            asked = {} if action.shape is None else self._asked(entity, action.shape, body)
            return self._edge.answer(
                entity, 201 if action.makes else 200, action.act(work, record, asked), is_write=True
            )

        return await self._write(request, resource, act, is_keyed=action.makes)

    async def _write(
        self, request: web.Request, resource: Resource, act: Write, *, is_keyed: bool = True
    ) -> web.Response:
        """In one transaction; what the client has done wrong is told in its own words."""
        body = await request.read()
        try:
            with self._store.work(request[ACTOR]) as work:
                keys = self._edge.keys
                answered = keys.once(work, request, body, lambda: act(work, body)) if is_keyed else act(work, body)
        except Problem as problem:
            raise self._edge.refused(resource.entity, problem) from None
        self._in_flight.committed(request)
        return answered.response()

    def _create(self, work: Work, resource: Resource, body: bytes, key: Record | None = None) -> Answer:
        """201 with the new record."""
        assert resource.create is not None
        sent = self._edge.names.inward(resource.entity, read_json(body), is_new=True)
        record = resource.create(work, checked(resource.entity.shape, sent, key))
        return self._edge.answer(resource.entity, 201, record, is_write=True)

    def _update(self, work: Work, resource: Resource, record: Record, body: bytes, key: Record | None = None) -> Answer:
        """200 with the changed record."""
        assert resource.update is not None
        sent = self._edge.names.inward(resource.entity, read_json(body))
        is_whole = self._profile["update"]["sends"] == "whole" and key is None
        changes = checked(resource.entity.shape, sent, key, partial=not is_whole)
        return self._edge.answer(resource.entity, 200, resource.update(work, record, changes), is_write=True)

    def _asked(self, entity: Entity, shape: Shape, body: bytes) -> Record:
        """What an action is told, in the client's words; nothing is as good as an empty object."""
        return checked(shape, self._edge.names.inward(entity, read_json(body or b"{}")))


def checked(shape: Shape, value: Any, key: Record | None = None, *, partial: bool = False) -> Record:
    """The client's fields, checked; the key of the URL stands over that of the body. Raises Problem."""
    try:
        return check_object(shape, value | (key or {}) if isinstance(value, dict) else value, partial=partial)
    except FieldErrors as error:
        raise invalid(error.errors) from error


def read_json(body: bytes) -> Any:
    """The JSON value with numbers that have a point as Decimal; raises Problem 400."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=refuse_constant)
    except ValueError as error:
        raise Problem(MALFORMED, f"the body is not JSON: {error}") from error


def refuse_constant(name: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(f"{name} is not JSON")
