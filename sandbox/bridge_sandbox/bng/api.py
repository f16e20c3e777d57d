"""The routes of the API: each reads the request, does its work in one transaction and answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web

from bridge_sandbox.bng import listing, records, sales_orders, shipments, webhooks
from bridge_sandbox.bng.auth import ACTOR
from bridge_sandbox.bng.edge import Edge
from bridge_sandbox.bng.entities import CUSTOMER, INVENTORY_ITEM, PRODUCT, SALES_ORDER, SHIPMENT, Entity
from bridge_sandbox.bng.fields import FieldErrors, check_object
from bridge_sandbox.bng.idempotency import Answer, InFlight
from bridge_sandbox.bng.problems import (
    INSUFFICIENT_STOCK,
    MALFORMED,
    NOT_FOUND,
    UNKNOWN_CUSTOMER,
    Problem,
    Sort,
    invalid,
)
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Store, Work

Create = Callable[[Work, Record], Record]
Update = Callable[[Work, Record, Record], Record]
Find = Callable[[Work, str], Record | None]
Write = Callable[[Work, bytes], Answer]


@dataclass(frozen=True)
class Upsert:
    """PUT /{resource}/{path}/{key}: the field that holds the key, and how the record is found by it."""

    path: str
    field: str
    find: Find


@dataclass(frozen=True)
class Resource:
    """An entity under the API, with the writes it offers; `refuses` for the rules of this entity alone."""

    entity: Entity
    create: Create | None = None
    update: Update | None = None
    upsert: Upsert | None = None
    accepts_post: bool = False
    refuses: tuple[Sort, ...] = ()


class Api:
    """The routes over one store, as the profile of the edge has them."""

    def __init__(self, store: Store, in_flight: InFlight, edge: Edge) -> None:
        self._store = store
        self._in_flight = in_flight
        self._edge = edge
        self._profile = edge.profile

    def routes(self) -> list[web.RouteDef]:
        """All of them; those by external id first, for a record's own path may match theirs, too."""
        routes = [route for resource in RESOURCES for route in self._routes_of(resource)]
        if self._profile["cancel"] == "action":
            routes.append(web.post(self._edge.path("cancel", SALES_ORDER), self._cancel))
        return routes

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
        return routes

    def _routes_by_key(self, resource: Resource) -> list[web.RouteDef]:
        if resource.upsert is None:
            return []
        path = f"{self._edge.base(resource.entity)}/{resource.upsert.path}/{{key}}"
        if resource.upsert.field == "ExternalID":
            path = self._edge.path("external", resource.entity).replace("{external_id}", "{key}")
        routes = []
        if self._profile["create"] != "post":
            routes.append(web.put(path, partial(self._put, resource=resource)))
        if self._profile["external_id"]["look_up"] == "path":
            routes.append(web.get(path, partial(self._get_by_key, resource=resource)))
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

    async def _get_by_key(self, request: web.Request, resource: Resource) -> web.Response:
        assert resource.upsert is not None
        key = request.match_info["key"]
        with self._store.work(request[ACTOR]) as work:
            record = resource.upsert.find(work, key)
        if record is None:
            raise Problem(NOT_FOUND, f"no {resource.entity.name} with {resource.upsert.field} {key}")
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

    async def _cancel(self, request: web.Request) -> web.Response:
        def cancel(work: Work, _body: bytes) -> Answer:
            order = records.get(work, SALES_ORDER, self._edge.id_in(SALES_ORDER, request))
            self._edge.check(SALES_ORDER, request, None, order)
            return self._edge.answer(SALES_ORDER, 200, sales_orders.cancel(work, order), is_write=True)

        orders = next(resource for resource in RESOURCES if resource.entity is SALES_ORDER)
        # Cancelling twice is the same as once: no key is asked for.
        return await self._write(request, orders, cancel, is_keyed=False)

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
        record = resource.create(work, checked(resource.entity, sent, key))
        return self._edge.answer(resource.entity, 201, record, is_write=True)

    def _update(self, work: Work, resource: Resource, record: Record, body: bytes, key: Record | None = None) -> Answer:
        """200 with the changed record."""
        assert resource.update is not None
        sent = self._edge.names.inward(resource.entity, read_json(body))
        is_whole = self._profile["update"]["sends"] == "whole" and key is None
        changes = checked(resource.entity, sent, key, partial=not is_whole)
        return self._edge.answer(resource.entity, 200, resource.update(work, record, changes), is_write=True)


def checked(entity: Entity, value: Any, key: Record | None = None, *, partial: bool = False) -> Record:
    """The client's fields, checked; the key of the URL stands over that of the body. Raises Problem."""
    try:
        return check_object(entity.shape, value | (key or {}) if isinstance(value, dict) else value, partial=partial)
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


def plain_create(entity: Entity, announced: str) -> Create:
    """Creating a record without rules of its own."""

    def create_record(work: Work, own: Record) -> Record:
        record = records.create(work, entity, own)
        webhooks.announce(work, announced, record)
        return record

    return create_record


def plain_update(entity: Entity, announced: str) -> Update:
    """Changing a record without rules of its own."""

    def update_record(work: Work, record: Record, changes: Record) -> Record:
        saved = records.save(work, entity, record | changes)
        webhooks.announce(work, announced, saved)
        return saved

    return update_record


def by_external_id(entity: Entity) -> Upsert:
    """PUT …/by-external-id/{x}."""
    return Upsert("by-external-id", "ExternalID", lambda work, key: records.find(work, entity, key))


RESOURCES = (
    Resource(
        CUSTOMER,
        plain_create(CUSTOMER, "customer_updated"),
        plain_update(CUSTOMER, "customer_updated"),
        by_external_id(CUSTOMER),
        accepts_post=True,
    ),
    Resource(
        SALES_ORDER,
        sales_orders.create,
        sales_orders.update,
        by_external_id(SALES_ORDER),
        accepts_post=True,
        refuses=(UNKNOWN_CUSTOMER,),
    ),
    Resource(
        PRODUCT,
        plain_create(PRODUCT, "product_updated"),
        plain_update(PRODUCT, "product_updated"),
        Upsert("by-sku", "SKU", lambda work, sku: records.find_sku(work, PRODUCT, sku)),
    ),
    Resource(INVENTORY_ITEM),
    Resource(SHIPMENT, shipments.create, accepts_post=True, refuses=(INSUFFICIENT_STOCK,)),
)
