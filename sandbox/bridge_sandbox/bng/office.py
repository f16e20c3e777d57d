"""The admin port's other half: BNG's bookkeepers and clerks. `?by=NAME` says who it is, for the record's UpdatedBy.

What they may type in freely goes through the same checks as a client's request; nobody asks them for a key or a version.
"""

from typing import Any

from aiohttp import web

from bridge_sandbox.bng import checks, drafts, periods, purchase_orders, records
from bridge_sandbox.bng.admin import ACTOR, LINES, WHICH_ORDER, find_order, find_shelf, read, shown
from bridge_sandbox.bng.api import checked, read_json
from bridge_sandbox.bng.entities import INVOICE, PAYMENT, PURCHASE_ORDER
from bridge_sandbox.bng.entity import EXTERNAL_ID, Entity
from bridge_sandbox.bng.fields import Field, Shape
from bridge_sandbox.bng.problems import NOT_FOUND, Problem
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.resources import BY_NAME
from bridge_sandbox.bng.store import Store, Work

BILL = Shape(WHICH_ORDER | {"Lines": LINES})
WHICH_INVOICE = {"InvoiceID": Field(checks.text(), required=True)}
RECEIVE = Shape({"PurchaseOrderID": Field(checks.text()), "ExternalID": EXTERNAL_ID, "Lines": LINES})
CREDIT = Shape(WHICH_INVOICE | {"Lines": LINES})
PAY = Shape(
    {"ExternalID": EXTERNAL_ID} | {name: Field(each.check) for name, each in PAYMENT.own.items()} | WHICH_INVOICE
)
PERIOD = Shape({"Period": Field(checks.month, required=True), "Closed": Field(checks.flag, default=True)})


class Office:
    """The routes over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        """What is written in the offices."""
        return [
            web.post("/invoices", self._bill),
            web.post("/credits", self._credit),
            web.post("/payments", self._pay),
            web.post("/receive", self._receive),
            web.get("/periods", self._periods),
            web.post("/periods", self._switch_period),
            web.post("/records/{shelf}", self._create),
            web.patch("/records/{shelf}/{id}", self._edit),
        ]

    async def _bill(self, request: web.Request) -> web.Response:
        asked = await read(request, BILL)
        with self._store.work(name_of(request)) as work:
            draft = drafts.invoice(work, find_order(work, asked), asked["Lines"])
            return shown(201, created(work, INVOICE, draft))

    async def _credit(self, request: web.Request) -> web.Response:
        asked = await read(request, CREDIT)
        with self._store.work(name_of(request)) as work:
            billed = records.get(work, INVOICE, asked["InvoiceID"])
            return shown(201, created(work, INVOICE, drafts.credit(work, billed, asked["Lines"])))

    async def _pay(self, request: web.Request) -> web.Response:
        """With what is left out as usual: all that is owed, by bank, today."""
        asked = await read(request, PAY)
        with self._store.work(name_of(request)) as work:
            return shown(201, created(work, PAYMENT, drafts.payment(work, asked)))

    async def _receive(self, request: web.Request) -> web.Response:
        """Goods of a purchase order come in: the given lines, or all that is open."""
        asked = await read(request, RECEIVE)
        with self._store.work(name_of(request)) as work:
            order = find_order(work, asked, PURCHASE_ORDER)
            return shown(200, purchase_orders.receive(work, order, asked["Lines"]))

    async def _periods(self, _request: web.Request) -> web.Response:
        with self._store.work(ACTOR) as work:
            return web.json_response({"closed": periods.closed(work)})

    async def _switch_period(self, request: web.Request) -> web.Response:
        asked = await read(request, PERIOD)
        with self._store.work(ACTOR) as work:
            periods.switch(work, asked["Period"], closed=asked["Closed"])
            return web.json_response({"closed": periods.closed(work)})

    async def _create(self, request: web.Request) -> web.Response:
        entity, fields = find_shelf(request), read_json(await request.read())
        with self._store.work(name_of(request)) as work:
            return shown(201, created(work, entity, fields))

    async def _edit(self, request: web.Request) -> web.Response:
        entity, fields = find_shelf(request), read_json(await request.read())
        with self._store.work(name_of(request)) as work:
            return shown(200, edited(work, entity, request.match_info["id"], fields))


def name_of(request: web.Request) -> str:
    """Who sits at the desk."""
    return request.query.get("by", ACTOR)


def created(work: Work, entity: Entity, fields: Any) -> Record:
    """A new record by the entity's own rules; raises Problem."""
    create = BY_NAME[entity.name].create
    if create is None:
        raise Problem(NOT_FOUND, f"no {entity.name} is made by hand")
    return create(work, checked(entity.shape, fields))


def edited(work: Work, entity: Entity, record_id: str, fields: Any) -> Record:
    """The record with these fields changed, by the entity's own rules; raises Problem."""
    update = BY_NAME[entity.name].update
    if update is None:
        raise Problem(NOT_FOUND, f"no {entity.name} is changed by hand")
    return update(work, records.get(work, entity, record_id), checked(entity.shape, fields, partial=True))
