"""The admin port: what BNG's own people would do in its screens, and what a test wants to see.

No authentication; it listens on the loopback interface only.
"""

from decimal import Decimal
from functools import partial
from typing import Any

from aiohttp import web

from bridge_sandbox.bng import checks, inventory, listing, records, sales_orders, shipments, webhooks
from bridge_sandbox.bng.api import read_json
from bridge_sandbox.bng.auth import Auth
from bridge_sandbox.bng.entities import ENTITIES, ORDER_STATUSES, SALES_ORDER, SHIPMENT
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.fields import Field, FieldErrors, Shape, check_object
from bridge_sandbox.bng.problems import NOT_FOUND, Problem, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Store, Work
from bridge_sandbox.catalogue import WAREHOUSE

ACTOR = "operator"

WHICH_ORDER = {"SalesOrderID": Field(checks.text()), "ExternalID": Field(checks.text())}
LINE = Shape({"LineNo": Field(checks.whole(1), required=True), "Quantity": Field(checks.quantity, required=True)})
LINES = Field(checks.each(checks.nested(LINE)), default=())
SHIP = Shape(
    WHICH_ORDER
    | {
        "Lines": LINES,
        "Carrier": Field(checks.text()),
        "TrackingNumbers": Field(checks.each(checks.text()), default=()),
    }
)
STOCK = Shape(
    {
        "SKU": Field(checks.text(), required=True),
        "Warehouse": Field(checks.text(), default=WAREHOUSE),
        "QuantityOnHand": Field(checks.number),
        "Delta": Field(checks.number),
    }
)
STATUS = Shape(WHICH_ORDER | {"OrderStatus": Field(checks.choice(*ORDER_STATUSES), required=True)})
BACKDATE = Shape({"UpdatedAt": Field(checks.text(), required=True)})
SUBSCRIPTION = Shape(
    {
        "url": Field(checks.text(2000), required=True),
        "secret": Field(checks.text(), required=True),
        "types": Field(checks.each(checks.choice(*webhooks.TYPES))),
    }
)


class Admin:
    """The routes over one store."""

    def __init__(self, store: Store, auth: Auth, *, is_standard: bool) -> None:
        self._store = store
        self._is_standard = is_standard
        self._auth = auth

    def routes(self) -> list[web.RouteDef]:
        """All but those for faults and calls."""
        return [
            web.post("/ship", self._ship),
            web.post("/stock", self._stock),
            web.post("/status", self._status),
            web.post("/webhooks", self._subscribe),
            web.get("/webhooks", self._describe_webhooks),
            web.post("/webhooks/pause", partial(self._pause, paused=True)),
            web.post("/webhooks/resume", partial(self._pause, paused=False)),
            web.post("/webhooks/expire", self._let_die),
            web.post("/tokens/expire", self._expire_tokens),
            web.get("/book", self._book),
            web.get("/history/{shelf}", self._history),
            web.get("/sales-orders/{external_id}", self._sales_order),
            web.post("/records/{shelf}/{id}/backdate", self._backdate),
            web.delete("/records/{shelf}/{id}", self._delete),
            web.post("/backup", self._back_up),
            web.post("/restore", self._restore),
        ]

    async def _ship(self, request: web.Request) -> web.Response:
        asked = await read(request, SHIP)
        with self._store.work(ACTOR) as work:
            order = find_order(work, asked)
            own = dict.fromkeys((*SHIPMENT.own, "ExternalID"))
            own |= {name: asked[name] for name in ("Lines", "Carrier", "TrackingNumbers")}
            shipment = shipments.create(work, own | {"SalesOrderID": order["SalesOrderID"]})
        return shown(201, shipment)

    async def _stock(self, request: web.Request) -> web.Response:
        asked = await read(request, STOCK)
        if (asked["QuantityOnHand"] is None) == (asked["Delta"] is None):
            raise invalid([("", "needs either QuantityOnHand or Delta")])
        with self._store.work(ACTOR) as work:
            item = inventory.find_or_open(work, asked["SKU"], asked["Warehouse"])
            difference = asked["Delta"]
            if difference is None:
                difference = asked["QuantityOnHand"] - Decimal(item["QuantityOnHand"])
            changed = inventory.change(work, item["InventoryItemID"], on_hand=difference)
        return shown(200, changed)

    async def _status(self, request: web.Request) -> web.Response:
        asked = await read(request, STATUS)
        with self._store.work(ACTOR) as work:
            order = sales_orders.set_status(work, find_order(work, asked), asked["OrderStatus"])
        return shown(200, order)

    async def _subscribe(self, request: web.Request) -> web.Response:
        asked = await read(request, SUBSCRIPTION)
        with self._store.work(ACTOR) as work:
            webhooks.subscribe(work, asked["url"], asked["secret"], asked["types"], is_standard=self._is_standard)
            return web.json_response(webhooks.describe(work), status=201)

    async def _describe_webhooks(self, _request: web.Request) -> web.Response:
        with self._store.work(ACTOR) as work:
            return web.json_response(webhooks.describe(work))

    async def _pause(self, _request: web.Request, *, paused: bool) -> web.Response:
        with self._store.work(ACTOR) as work:
            webhooks.pause(work, paused=paused)
            return web.json_response(webhooks.describe(work))

    async def _let_die(self, _request: web.Request) -> web.Response:
        with self._store.work(ACTOR) as work:
            webhooks.let_die(work)
        return web.json_response({})

    async def _expire_tokens(self, _request: web.Request) -> web.Response:
        self._auth.expire_all()
        return web.json_response({})

    async def _book(self, _request: web.Request) -> web.Response:
        with self._store.work(ACTOR) as work:
            book = {name: list(records.all_of(work, entity)) for name, entity in SHELVES.items()}
        changes = sum(item["Sequence"] - 1 for item in book["inventory_items"])
        return web.json_response(book | {"stock_changes": changes})

    async def _sales_order(self, request: web.Request) -> web.Response:
        with self._store.work(ACTOR) as work:
            order = find_order(work, {"SalesOrderID": None, "ExternalID": request.match_info["external_id"]})
        return shown(200, order)

    async def _history(self, request: web.Request) -> web.Response:
        """One shelf of the book with every version that its records have had, oldest write first."""
        entity = find_shelf(request)
        with self._store.work(ACTOR) as work:
            return web.json_response(list(records.history_of(work, entity)))

    async def _backdate(self, request: web.Request) -> web.Response:
        """As a transaction that took so long that lists by UpdatedAt have passed it by."""
        entity, asked = find_shelf(request), await read(request, BACKDATE)
        with self._store.work(ACTOR) as work:
            record = records.backdate(work, entity, request.match_info["id"], listing.read_since(asked["UpdatedAt"]))
        return shown(200, record)

    async def _delete(self, request: web.Request) -> web.Response:
        """By hand, which the API does not offer; records that name it stay as they are."""
        entity = find_shelf(request)
        with self._store.work(ACTOR) as work:
            records.delete(work, entity, request.match_info["id"])
        return web.json_response({})

    async def _back_up(self, _request: web.Request) -> web.Response:
        """A copy of everything, in place of the one before."""
        self._store.back_up()
        return web.json_response({})

    async def _restore(self, _request: web.Request) -> web.Response:
        """Everything as in the copy: ids and versions given out since then are given out again."""
        self._store.restore()
        return web.json_response({})


SHELVES: dict[str, Entity] = {each.resource.replace("-", "_"): each for each in ENTITIES}


async def read(request: web.Request, shape: Shape) -> dict[str, Any]:
    """The request's body in this shape; raises Problem."""
    try:
        return check_object(shape, read_json(await request.read()))
    except FieldErrors as error:
        raise invalid(error.errors) from error


def shown(status: int, record: Record) -> web.Response:
    """A record by BNG's own names, whatever the profile."""
    return web.Response(status=status, text=records.dump(record), content_type="application/json")


def find_shelf(request: web.Request) -> Entity:
    """The one that the path names; raises Problem if there is none."""
    entity = SHELVES.get(request.match_info["shelf"])
    if entity is None:
        raise Problem(NOT_FOUND, f"no shelf {request.match_info['shelf']}; there are {', '.join(SHELVES)}")
    return entity


def find_order(work: Work, asked: Record, entity: Entity = SALES_ORDER) -> Record:
    """The order named by its id or ExternalID; raises Problem if there is none."""
    if asked[entity.id_field] is not None:
        return records.get(work, entity, asked[entity.id_field])
    order = records.find(work, entity, asked["ExternalID"] or "")
    if order is None:
        raise Problem(NOT_FOUND, f"no {entity.name} with ExternalID {asked['ExternalID']}")
    return order
