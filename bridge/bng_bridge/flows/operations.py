"""The operations of flow files: what each of them reads, and from whom. flow_files.operations is their catalogue.

No argument is null: such a call is answered null without asking.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bng_bridge import bindings, inbox, intents, switches
from bng_bridge.flows import bills, documents, matching, postings, shipments, stock
from bng_bridge.flows.keys import KEYS
from bng_bridge.flows.names import names_an_order
from bng_bridge.flows.running import Running
from bng_bridge.mapping import customers, orders, payments, statuses
from bridge_common.errors import MappingError

Document = dict[str, Any]


async def binding(running: Running, record: str, id: Any) -> Document | None:  # noqa: A002 # as flow files call it
    found = bindings.get(running.read, KEYS[record](running.site, str(id)))
    return None if found is None else {"id": found.target_id, "version": found.version, "facts": found.facts}


async def open_write(running: Running, record: str, id: Any) -> bool:  # noqa: A002
    return intents.get(running.read, KEYS[record](running.site, str(id))) is not None


async def buyer(running: Running, order: Document) -> Document:
    """An order without a customer stays with the one it was sold to: Magento drops the id from orders when it deletes a
    customer, and a guest's address may be corrected."""
    customer_id = None
    if not order.get("customer_id"):
        bound = bindings.get(running.read, KEYS["sales_order"](running.site, running.event.entity_id))
        sold_to = bound.facts.get("CustomerID") if bound is not None else None
        customer_id = running.settings.generic_customer_id if sold_to is None else str(sold_to)
    return {"customer_id": customer_id, "source_id": None if customer_id else _source_id(running, order)}


async def export_rule(running: Running, order: Document) -> Document | None:
    """The first that fits."""
    state, method = str(order.get("state") or ""), payments.method(order)
    rules = running.settings.export.items()
    name, rule = next(((name, each) for name, each in rules if each.fits(state, method)), ("", None))
    return None if rule is None else {"rule": name, "action": rule.action, "at_most": f"{rule.longest_days} d"}


async def buyer_behind(running: Running, order: Document, customer_id: str) -> Document:
    bound = bindings.by_target(running.read, "bng", "customer", customer_id)
    is_here = bound is not None and bound.site == running.site
    source_id = bound.target_key.split("/")[2] if bound and is_here else _source_id(running, order)
    return {"customer_id": customer_id, "source_id": source_id}


def _source_id(running: Running, order: Document) -> str:
    """The customer's id in the shop, or a guest's key."""
    return str(
        order.get("customer_id") or customers.guest_key(order, running.settings.guest_policy, running.settings.websites)
    )


async def is_deleted(running: Running, id: Any) -> bool:  # noqa: A002
    return inbox.is_deleted(running.read, running.site, "customer", str(id))


async def is_on(running: Running, flow: str) -> bool:
    return not switches.why_left(running.read, running.site, flow, None)


async def shop_customer(running: Running, id: Any) -> Document | None:  # noqa: A002
    return await running.magento.get(f"/V1/customers/{id}")


async def newest_transaction(running: Running, order_id: Any) -> str | None:
    found = await running.magento.search("/V1/transactions", order_id=str(order_id))
    return payments.newest_transaction(found) or None


async def sales_order(running: Running, id: Any) -> Document | None:  # noqa: A002
    return await running.context.bng.get(f"sales-orders/{id}")


async def origin(running: Running, sales_order: Document) -> Document:
    sales_order_id, external_id = str(sales_order["SalesOrderID"]), str(sales_order.get("ExternalID") or "")
    lost = bindings.lost_by_target(running.read, "bng", "sales_order", sales_order_id)
    is_ours = any(names_an_order(site, name, external_id) for name, site in running.context.sites.items())
    return {"lost_by": lost.site if lost else None, "is_ours": is_ours}


async def shop_order(running: Running) -> Document | None:
    """Raises IdentityChanged when another order has its id now."""
    if running.bound is None:
        return None
    order = await running.magento.get(f"/V1/orders/{running.order_id}")
    if order is not None:
        bindings.check_fingerprint(running.bound.target_key, running.bound.fingerprint, orders.fingerprint(order))
    return order


async def status_in_shop(_: Running, sales_order: Document, order: Document) -> Document:
    """Raises MappingError for a word of BNG's that its profile does not know."""
    try:
        code = int(sales_order["OrderStatus"])
    except ValueError as error:
        raise MappingError(
            f"sales order {sales_order['SalesOrderID']} is {sales_order['OrderStatus']!r}, which the profile does not know",
            hint="Add the word to the values of OrderStatus in the profile, restart, then bridgectl dlq retry {event}.",
        ) from error
    label = statuses.LABELS.get(code, str(code))
    return {"code": code, "label": label, "is_known": statuses.is_known(order, code)}


async def has_product(running: Running, sku: str) -> bool:
    return await running.magento.has_product(sku)


async def has_sources(running: Running) -> bool:
    return await running.magento.has_sources()


Run = Callable[..., Awaitable[Any]]

OPERATIONS: Mapping[str, Run] = {
    each.__name__: each
    for each in (
        binding, open_write, export_rule, buyer, buyer_behind, is_deleted, newest_transaction, documents.shop_documents,
        postings.entry_day, postings.next_period, postings.bng_invoice, postings.invoice_of, sales_order, origin,
        shop_order, status_in_shop, shipments.to_ship, shipments.lines_shipped, has_product, stock.shipped_not_in_shop,
        bills.to_invoice, bills.to_refund, has_sources, stock.inventory_item,
        stock.stock_for_shop, is_on, shop_customer, matching.match,
    )
}  # fmt: skip
