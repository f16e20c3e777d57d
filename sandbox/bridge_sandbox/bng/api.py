"""The routes under /api/v1: each reads the request, does its work in one transaction and answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web

from bridge_sandbox.bng import listing, preconditions, records, sales_orders, shipments, webhooks
from bridge_sandbox.bng.auth import ACTOR
from bridge_sandbox.bng.entities import CUSTOMER, INVENTORY_ITEM, PRODUCT, SALES_ORDER, SHIPMENT, Entity
from bridge_sandbox.bng.fields import FieldErrors, check_object
from bridge_sandbox.bng.idempotency import Answer, InFlight, once
from bridge_sandbox.bng.problems import INSUFFICIENT_STOCK, MALFORMED, UNKNOWN_CUSTOMER, Problem, Sort, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Store, Work

Create = Callable[[Work, Record], Record]
Update = Callable[[Work, Record, Record], Record]
Find = Callable[[Work, str], Record | None]


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
    """The routes over one store. With `no_keys` there is no upsert, no If-Match and no Idempotency-Key."""

    def __init__(self, store: Store, in_flight: InFlight, *, no_keys: bool) -> None:
        self._store = store
        self._in_flight = in_flight
        self._no_keys = no_keys

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        listed = [route for resource in RESOURCES for route in self._routes_of(resource)]
        return [*listed, web.post("/api/v1/sales-orders/{id}/cancel", self._cancel)]

    def _routes_of(self, resource: Resource) -> list[web.RouteDef]:
        base = f"/api/v1/{resource.entity.resource}"
        routes = [
            web.get(base, partial(self._list, resource=resource)),
            web.get(f"{base}/{{id}}", partial(self._get, resource=resource)),
        ]
        if resource.accepts_post:
            routes.append(web.post(base, partial(self._post, resource=resource)))
        if resource.update is not None:
            routes.append(web.patch(f"{base}/{{id}}", partial(self._patch, resource=resource)))
        if resource.upsert is not None and not self._no_keys:
            path = f"{base}/{resource.upsert.path}/{{key}}"
            routes.append(web.put(path, partial(self._put, resource=resource)))
        return routes

    async def _list(self, request: web.Request, resource: Resource) -> web.Response:
        query = listing.read_query(request.query)
        with self._store.work(request[ACTOR]) as work:
            text = listing.page(work, resource.entity, query)
        return web.Response(text=text, content_type="application/json")

    async def _get(self, request: web.Request, resource: Resource) -> web.Response:
        with self._store.work(request[ACTOR]) as work:
            record = records.get(work, resource.entity, request.match_info["id"])
        return answer(200, record).response()

    async def _post(self, request: web.Request, resource: Resource) -> web.Response:
        body = await request.read()
        with self._store.work(request[ACTOR]) as work:
            if self._no_keys:
                answered = create(work, resource, body)
            else:
                answered = once(work, request, body, lambda: create(work, resource, body))
        self._in_flight.committed(request)
        return answered.response()

    async def _patch(self, request: web.Request, resource: Resource) -> web.Response:
        body = await request.read()
        with self._store.work(request[ACTOR]) as work:
            record = records.get(work, resource.entity, request.match_info["id"])
            self._check_preconditions(request, record)
            return update(work, resource, record, read_body(resource.entity, body, partial=True)).response()

    async def _put(self, request: web.Request, resource: Resource) -> web.Response:
        body = await request.read()
        with self._store.work(request[ACTOR]) as work:
            return self._upsert(work, request, resource, body).response()

    def _upsert(self, work: Work, request: web.Request, resource: Resource, body: bytes) -> Answer:
        assert resource.upsert is not None
        key = {resource.upsert.field: request.match_info["key"]}
        record = resource.upsert.find(work, request.match_info["key"])
        self._check_preconditions(request, record)
        if record is None:
            return create(work, resource, body, key)
        return update(work, resource, record, read_body(resource.entity, body, key, partial=True))

    async def _cancel(self, request: web.Request) -> web.Response:
        with self._store.work(request[ACTOR]) as work:
            order = records.get(work, SALES_ORDER, request.match_info["id"])
            self._check_preconditions(request, order)
            cancelled = sales_orders.cancel(work, order)
        return answer(200, cancelled).response()

    def _check_preconditions(self, request: web.Request, record: Record | None) -> None:
        if not self._no_keys:
            preconditions.check(request.headers, record)


def create(work: Work, resource: Resource, body: bytes, key: Record | None = None) -> Answer:
    """201 with the new record."""
    assert resource.create is not None
    record = resource.create(work, read_body(resource.entity, body, key))
    location = f"/api/v1/{resource.entity.resource}/{record[resource.entity.id_field]}"
    return answer(201, record, {"Location": location})


def update(work: Work, resource: Resource, record: Record, changes: Record) -> Answer:
    """200 with the changed record."""
    assert resource.update is not None
    return answer(200, resource.update(work, record, changes))


def read_body(entity: Entity, body: bytes, key: Record | None = None, *, partial: bool = False) -> Record:
    """The client's fields, checked; the key of the URL stands over that of the body. Raises Problem."""
    value = read_json(body)
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


def answer(status: int, record: Record, headers: dict[str, str] | None = None) -> Answer:
    """The record with its ETag."""
    return Answer(status, records.dump(record), (headers or {}) | {"ETag": preconditions.etag(record)})


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
