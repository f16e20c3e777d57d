"""What the records of flow files are at their targets: target key, lock, reference, fingerprint, side effects.

Here stands what makes a write safe to repeat; a file says only what is written and when.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bng_bridge import bindings
from bng_bridge.flow_files.records import CANCEL, CREATE
from bng_bridge.flow_files.steps import Asked
from bng_bridge.flows import keys, references
from bng_bridge.flows.keys import source_id
from bng_bridge.flows.names import customer_name, order_name, posted_name
from bng_bridge.flows.running import Running
from bng_bridge.magento import products
from bng_bridge.magento.target import source_reference
from bng_bridge.mapping import bills, customers, orders, shipments, statuses
from bng_bridge.merging.customers import IntoBng, IntoShop
from bng_bridge.target import Write
from bridge_common.errors import MappingError, RefusedByFlow

IN_SHOP = "shop_customer"
RESOURCES = {"customer": "customers", "sales_order": "sales-orders"}
"""Where BNG is asked whether it has a record that is only to be updated."""
_STORE_CODE = re.compile(r"[a-z][a-z0-9_]*")


def write_of(running: Running, asked: Asked) -> Write:
    """Raises RefusedByFlow where the flow has let through what nothing can be written for."""
    needs_bound = asked.record.needs_bound or asked.record.is_merged
    if running.document is None or (needs_bound and running.bound is None):
        missing = "bound" if running.document is not None else running.event.entity
        raise RefusedByFlow(
            f"the flow writes {asked.record.name} although {missing} is null", problem="null",
            hint=f"Put a skip or hold with `when: not {missing}` before it, then bridgectl dlq retry {{event}}.",
        )  # fmt: skip
    return _WRITES[asked.record.entity](running, asked)


def check_name(asked: Asked, write: Write, body: dict[str, Any], context: dict[str, Any]) -> None:
    """Raises MappingError for a body under another name than it is looked up by."""
    entity = asked.record.entity
    is_named = (
        entity in RESOURCES and (asked.verb != "update" or "ExternalID" in body) and write.entity != "cancellation"
    )
    if is_named or entity in keys.POSTED:
        references.check("ExternalID", body.get("ExternalID"), write.reference)
    elif entity == "source_item":
        for field in ("sku", "source_code"):
            references.check(field, body.get(field), asked.named[field])
        _refuse_negative(write, body["quantity"])
    elif entity == "stock_item":
        _refuse_negative(write, body["qty"])
    elif entity == "product":
        references.check("sku", body.get("sku"), products.split_reference(write.reference)[0])
    elif entity == "shipment":
        lines = dict.fromkeys([write.reference, *map(shipments.reference, _shipment_ids(context.get("parts") or ()))])
        references.check_lines("comment", (body.get("comment") or {}).get("comment"), list(lines))
    elif entity in _BILLED:
        references.check_lines("comment", (body.get("comment") or {}).get("comment"), [write.reference])
        _check_items(body)


def _refuse_negative(write: Write, quantity: Any) -> None:
    """Magento takes one, with a 200. Raises RefusedByFlow: somebody has sold or counted what is not there."""
    if quantity < 0:
        raise RefusedByFlow(
            f"the stock of {write.reference} would be {quantity} in {write.site}: less than nothing is never written",
            problem="negative-stock",
            hint="Correct the quantity in BNG; its next change is applied by itself. Or bridgectl dlq retry {event}.",
        )


def _shipment_ids(parts: Any) -> list[str]:
    try:
        return [part["ShipmentID"] for part in parts]
    except (KeyError, TypeError) as error:
        raise MappingError(
            "parts of the context are no shipments of BNG: one has no ShipmentID",
            hint="Give the parts of to_ship in the flow, then bridgectl dlq retry {event}.",
        ) from error


def _customer(running: Running, asked: Asked) -> Write:
    of = asked.source_id or running.event.entity_id
    external_id = customer_name(running.read, running.site, running.settings, of)
    is_own = running.event.entity == "customer"
    if not is_own:
        _check_buyer(running, asked)
    return Write(
        target="bng", entity="customer", site=running.site, target_key=keys.customer_key(running.site, of),
        lock_key=f"bng/customer/{external_id}", reference=external_id, create_only=asked.verb == CREATE,
        fingerprint=customers.fingerprint(running.document) if is_own else "", instead_of=asked.instead_of,
        mapping=asked.mapping, adopts=asked.adopt, merge=_into_bng(running, asked, of),
    )  # fmt: skip


def _into_bng(running: Running, asked: Asked, of: str) -> IntoBng | None:
    if asked.words is None:
        return None
    key = keys.customer_key(running.site, of)
    return IntoBng(running.read, running.context.deliver.save, key, running.event.seq, asked.words.head.owners)


def _shop_customer(running: Running, asked: Asked) -> Write:
    assert asked.words is not None  # held by the compiler, as is `maps`
    assert asked.maps is not None
    assert running.bound is not None
    customer_id, words = source_id(running.bound.target_key), asked.words
    name = customer_name(running.read, running.site, running.settings, customer_id)

    def in_bng_s_words(document: dict[str, Any], *, is_create: bool) -> dict[str, Any]:
        return words(document, external_id=name, is_create=is_create)

    merge = IntoShop(
        running.read, running.context.deliver.save, running.bound.target_key, running.event.seq, words.head.owners,
        words=in_bng_s_words, back=asked.maps, fingerprint_of=customers.fingerprint,
    )  # fmt: skip
    return Write(
        target="magento", entity=IN_SHOP, site=running.site,
        target_key=keys.shop_customer_key(running.site, customer_id), lock_key=f"bng/customer/{name}",
        reference=customer_id, absolute=True, mapping=asked.mapping, merge=merge,
    )  # fmt: skip


def _check_buyer(running: Running, asked: Asked) -> None:
    """Any other text would be the key of somebody else, or of nobody for ever. Raises RefusedByFlow."""
    order = {**running.document, "entity_id": running.event.entity_id}
    own = {
        str(order.get("customer_id") or ""),
        *(customers.guest_key(order, policy, running.settings.websites) for policy in customers.GUEST_KEYS),
    }
    bound = bindings.get(running.read, keys.customer_key(running.site, asked.source_id))
    if asked.source_id not in own and not (asked.instead_of and bound is not None):
        raise RefusedByFlow(
            f"`of` does not give who bought order {running.event.entity_id}", problem="buyer",
            hint="Write `of: buyer.source_id`, of a call of buyer, then bridgectl dlq retry {event}.",
        )  # fmt: skip


def _sales_order(running: Running, asked: Asked) -> Write:
    order_id = running.event.entity_id
    external_id = order_name(running.read, running.site, running.settings, order_id)
    is_cancellation = asked.verb == CANCEL
    key = keys.cancellation_key if is_cancellation else keys.sales_order_key
    return Write(
        target="bng", entity="cancellation" if is_cancellation else "sales_order", site=running.site,
        target_key=key(running.site, order_id), lock_key=f"bng/{external_id}", reference=external_id,
        fingerprint=_fingerprint(running.document), create_only=is_cancellation or asked.verb == CREATE,
        instead_of=asked.instead_of, mapping=asked.mapping,
    )  # fmt: skip


def _fingerprint(order: dict[str, Any]) -> str:
    """Of a deleted order nothing is told; what is bound under its id is the one that was deleted."""
    return orders.fingerprint(order) if "increment_id" in order else ""


def _posted(running: Running, asked: Asked) -> Write:
    """Made once at BNG for a document of the shop. The fingerprint is the document's: a restored shop gives its id anew."""
    assert running.bound is not None
    document, site, entity = running.document, running.site, asked.record.entity
    source_id = f"{running.event.entity}-{running.event.entity_id}"
    if posting := asked.named.get("posting"):
        source_id = f"{source_id}-{posting}"
    name = posted_name(running.read, site, running.settings, running.order_id, source_id)
    return Write(
        target="bng", entity=asked.record.name.removeprefix("bng/"), site=site,
        target_key=keys.posted_key(entity, site, source_id), lock_key=f"bng/{name}", reference=name, create_only=True,
        is_immutable=entity in keys.BOOKED,
        fingerprint=f"{document.get('increment_id', '')} {document.get('created_at', '')}",
        mapping=asked.mapping,
    )  # fmt: skip


def _shipment(running: Running, asked: Asked) -> Write:
    shipment, site = running.document, running.site
    source_code = running.settings.sources.get(shipment.get("Warehouse") or "")
    skus = sorted({line["SKU"] for line in shipment["Lines"]}) if source_code else []
    found = [source_reference(sku, source_code) for sku in skus if source_code]
    return Write(
        target="magento", entity="shipment", site=site, target_key=keys.shipment_key(site, shipment["ShipmentID"]),
        lock_key=f"{site}/order/{running.order_id}", reference=shipments.reference(shipment["ShipmentID"]),
        create_only=True, invalidates=tuple(keys.stock_key(site, each) for each in found),
        also_locks=tuple(f"{site}/stock/{each}" for each in [*found, *skus]), mapping=asked.mapping,
    )  # fmt: skip


_BILLED = {
    "shop_invoice": ("invoice", keys.shop_invoice_key),
    "shop_creditmemo": ("creditmemo", keys.shop_creditmemo_key),
}
"""What BNG's invoices become: the entity of their bindings, by which flows.documents knows them, and the key."""


def _billed(running: Running, asked: Asked) -> Write:
    """In the lock of the order: Magento's own are corrupted by a second writer."""
    invoice, site = running.document, running.site
    entity, key = _BILLED[asked.record.entity]
    is_credit = entity == "creditmemo"
    if is_credit != (invoice["Type"] == "credit"):
        raise RefusedByFlow(
            f"the flow writes {asked.record.name} for {invoice['InvoiceID']}, whose Type is {invoice['Type']}",
            problem="type",
            hint="Ask for invoice.Type before it, then bridgectl dlq retry {event}.",
        )
    # Goods that were not shipped leave the shop's shelf with a credit memo.
    skus = {line.get("SKU") for line in invoice["Lines"]} if is_credit else set()
    stock = [source_reference(sku, code) for sku in skus if sku for code in running.settings.sources.values()]
    return Write(
        target="magento", entity=entity, site=site, target_key=key(site, invoice["InvoiceID"]),
        lock_key=f"{site}/order/{running.order_id}", reference=bills.reference(invoice), create_only=True,
        invalidates=tuple(keys.stock_key(site, each) for each in sorted(stock)), mapping=asked.mapping,
    )  # fmt: skip


def _check_items(body: dict[str, Any]) -> None:
    """Raises MappingError for a body that Magento would take for all that is left."""
    if not body.get("items"):
        raise MappingError(
            "items is empty: Magento would take that for all that is left", problem="reference", pointer="/items",
            hint="Give the items of to_invoice or to_refund, then bridgectl dlq retry {event}.",
        )  # fmt: skip


def _order_status(running: Running, asked: Asked) -> Write:
    return Write(
        target="magento", entity="order_status", site=running.site,
        target_key=keys.order_status_key(running.site, running.order_id),
        lock_key=f"{running.site}/order/{running.order_id}", reference=statuses.reference(running.document),
        absolute=True, mapping=asked.mapping,
    )  # fmt: skip


def _source_item(running: Running, asked: Asked) -> Write:
    reference = source_reference(str(asked.named["sku"]), str(asked.named["source_code"]))
    return Write(
        target="magento", entity="source_item", site=running.site, target_key=keys.stock_key(running.site, reference),
        lock_key=f"{running.site}/stock/{reference}", reference=reference, absolute=True, mapping=asked.mapping,
    )  # fmt: skip


def _stock_item(running: Running, asked: Asked) -> Write:
    sku = str(asked.named["sku"])
    if len(running.settings.sources) > 1:
        raise RefusedByFlow(
            f"{running.site} has one quantity for each product, no sources, and is to show several warehouses",
            problem="several-warehouses",
            hint=f"Leave one in sources of [sites.{running.site}] and restart, then bridgectl dlq retry {{event}}.",
        )  # fmt: skip
    return Write(
        target="magento", entity="stock_item", site=running.site, target_key=keys.stock_item_key(running.site, sku),
        lock_key=f"{running.site}/stock/{sku}", reference=sku, absolute=True, moves=True, mapping=asked.mapping,
    )  # fmt: skip


def _product(running: Running, asked: Asked) -> Write:
    """Its record is there without us, as often as not: merchandisers make it first."""
    product, store = running.document, str(asked.named["store"])
    if not _STORE_CODE.fullmatch(store):
        raise RefusedByFlow(
            f"the flow writes a product for store {store!r}, which is no store code", problem="store",
            hint="Write `store: \"'all'\"`, or the code of a store view, then bridgectl dlq retry {event}.",
        )  # fmt: skip
    key = keys.product_key(running.site, str(product["ProductID"]), store)
    bound = bindings.get(running.read, key)
    return Write(
        target="magento", entity="product", site=running.site, target_key=key,
        lock_key=f"{running.site}/product/{product['SKU']}", reference=products.reference(str(product["SKU"]), store),
        absolute=True, mapping=asked.mapping, left=bound.facts if bound is not None else {},
    )  # fmt: skip


_WRITES: Mapping[str, Callable[[Running, Asked], Write]] = {
    "customer": _customer, "shop_customer": _shop_customer, "sales_order": _sales_order, "shipment": _shipment,
    "order_status": _order_status, "source_item": _source_item, "stock_item": _stock_item, "product": _product,
    **dict.fromkeys(_BILLED, _billed), **dict.fromkeys(keys.POSTED, _posted),
}  # fmt: skip
