"""What the API serves: each entity with its writes. The routes and the OpenAPI document are made of this."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge_sandbox.bng import (
    gl_entries,
    invoices,
    payments,
    purchase_orders,
    records,
    sales_orders,
    shipments,
    webhooks,
)
from bridge_sandbox.bng.entities import (
    CUSTOMER,
    GL_ENTRY,
    INVENTORY_ITEM,
    INVOICE,
    PAYMENT,
    PRODUCT,
    PURCHASE_ORDER,
    SALES_ORDER,
    SHIPMENT,
    VENDOR,
)
from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.fields import Shape
from bridge_sandbox.bng.problems import (
    CLOSED_PERIOD,
    INSUFFICIENT_STOCK,
    UNBALANCED_ENTRY,
    UNKNOWN_CUSTOMER,
    Sort,
)
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

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
class Action:
    """POST /{resource}/{id}/{name}, with a body of this shape if there is one.

    One that `makes` another record answers 201 with that and wants a key; another may be repeated, and answers with the
    record itself.
    """

    name: str
    act: Update
    shape: Shape | None = None
    makes: bool = False
    refuses: tuple[Sort, ...] = ()


@dataclass(frozen=True)
class Resource:
    """An entity under the API, with the writes it offers; `refuses` for the rules of this entity alone."""

    entity: Entity
    create: Create | None = None
    update: Update | None = None
    upsert: Upsert | None = None
    action: Action | None = None
    accepts_post: bool = False
    refuses: tuple[Sort, ...] = ()


def plain_create(entity: Entity, announced: str = "") -> Create:
    """Creating a record without rules of its own."""

    def create_record(work: Work, own: Record) -> Record:
        record = records.create(work, entity, own)
        if announced:
            webhooks.announce(work, announced, record)
        return record

    return create_record


def plain_update(entity: Entity, announced: str = "") -> Update:
    """Changing a record without rules of its own."""

    def update_record(work: Work, record: Record, changes: Record) -> Record:
        saved = records.save(work, entity, record | changes)
        if announced:
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
        Action("cancel", lambda work, order, _asked: sales_orders.cancel(work, order)),
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
    Resource(INVOICE, invoices.create, accepts_post=True),
    Resource(PAYMENT, payments.create, accepts_post=True, refuses=(UNKNOWN_CUSTOMER,)),
    Resource(
        GL_ENTRY,
        gl_entries.create,
        action=Action("reverse", gl_entries.reverse, gl_entries.REVERSAL, makes=True, refuses=(CLOSED_PERIOD,)),
        accepts_post=True,
        refuses=(UNBALANCED_ENTRY, CLOSED_PERIOD),
    ),
    Resource(VENDOR, plain_create(VENDOR), plain_update(VENDOR), accepts_post=True),
    Resource(PURCHASE_ORDER, purchase_orders.create, purchase_orders.update, accepts_post=True),
)
BY_NAME = {resource.entity.name: resource for resource in RESOURCES}
