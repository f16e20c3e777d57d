"""Magento order → BNG customer, sales order, cancellation."""

from dataclasses import replace
from typing import Any

from bng_bridge import bindings, inbox
from bng_bridge.config import Site
from bng_bridge.flows import references
from bng_bridge.flows.context import Context
from bng_bridge.flows.names import customer_name, order_name
from bng_bridge.inbox import Claimed
from bng_bridge.mapping import customers, orders, payments
from bng_bridge.outcome import DONE, Outcome, skipped
from bng_bridge.target import Write
from bridge_common.errors import AwaitingPayment, DependencyMissing, RejectedByTarget
from bridge_common.magento_time import from_magento


async def order_to_sales_order(event: Claimed, context: Context) -> Outcome:
    """Raises MappingError for amounts that do not add up, IdentityChanged when the id belongs to another order now,
    AwaitingPayment while an online payment has no transaction."""
    site, order = context.sites[event.site], event.document()
    if _before_go_live(order, site):
        return skipped("before go-live")
    _check_parent(order, event.site, context)
    transaction_id = await _transaction_id(event, context, site, order)
    customer_id = await _customer(event, context, site, order)
    external_id = order_name(context.read, event.site, site, event.entity_id)
    write = Write(
        target="bng", entity="sales_order", site=event.site, target_key=sales_order_key(event.site, event.entity_id),
        lock_key=f"bng/{external_id}", reference=external_id, fingerprint=orders.fingerprint(order),
    )  # fmt: skip
    try:
        await _write_order(event, context, write, order, customer_id, transaction_id)
    except RejectedByTarget as refusal:
        if refusal.problem != "unknown-customer":
            raise
        customer_id = await _customer_anew(event, context, refusal, customer_id)
        await _write_order(event, context, write, order, customer_id, transaction_id)
    if order["state"] == "canceled":
        await _cancel(event, context, write)
    return DONE


def sales_order_key(site: str, order_id: str) -> str:
    return f"{site}/order/{order_id}/sales_order"


def cancellation_key(site: str, order_id: str) -> str:
    return f"{site}/order/{order_id}/cancellation"


def _check_parent(order: dict[str, Any], site: str, context: Context) -> None:
    """An edited order is a cancelled one and a new one: the old one is cancelled at BNG before the new one takes its stock.

    Raises DependencyMissing until then. A parent that BNG never had needs no cancelling.
    """
    parent_id = orders.parent_id(order)
    if parent_id is None or bindings.get(context.read, sales_order_key(site, parent_id)) is None:
        return
    if bindings.get(context.read, cancellation_key(site, parent_id)) is None:
        raise DependencyMissing(
            f"order {order['increment_id']} replaces {parent_id}, which is not cancelled at BNG yet"
        )


async def _cancel(event: Claimed, context: Context, sales_order: Write) -> None:
    write = replace(
        sales_order, entity="cancellation", target_key=cancellation_key(event.site, event.entity_id), create_only=True,
        mapping="",
    )  # fmt: skip

    async def mapping() -> dict[str, Any]:
        return {}

    await context.deliver(event.seq, write, mapping)


async def _transaction_id(event: Claimed, context: Context, site: Site, order: dict[str, Any]) -> str:
    """That of an online payment, or ''. It is asked of the shop where the document lacks it.

    Raises AwaitingPayment while the shop has none.
    """
    if not payments.lacks_transaction(order, site.offline_methods):
        return payments.transaction_id(order, site.offline_methods)
    found = await context.magento[event.site].search("/V1/transactions", order_id=str(order["entity_id"]))
    transaction = payments.newest_transaction(found)
    if not transaction:
        raise AwaitingPayment(
            f"order {order['increment_id']}: no transaction id for an online payment yet", delay_s=5,
            hint=f"If {payments.method(order)} is no online payment, add it to offline_methods of [sites.{event.site}].",
        )  # fmt: skip
    return transaction


async def _write_order(
    event: Claimed, context: Context, write: Write, order: dict[str, Any], customer_id: str, transaction_id: str
) -> None:
    to_sales_order = context.mappings(event.site, "order-to-sales-order")
    zone = context.sites[event.site].time_zone

    async def mapping() -> dict[str, Any]:
        body = to_sales_order(
            order,
            external_id=write.reference,
            customer_id=customer_id,
            time_zone=zone,
            transaction_id=transaction_id,
        )
        references.check("ExternalID", body.get("ExternalID"), write.reference)
        return body

    await context.deliver(event.seq, replace(write, mapping=to_sales_order.identity), mapping)


async def _customer(event: Claimed, context: Context, site: Site, order: dict[str, Any]) -> str:
    """BNG's CustomerID. A customer that exists is left as it is: the customer's own event owns its fields.

    An order without a customer stays with the one it was sold to: Magento drops the id from orders when it deletes a
    customer, and a guest's address may be corrected.
    """
    bound = bindings.get(context.read, sales_order_key(event.site, event.entity_id))
    if bound is not None and "CustomerID" in bound.facts and not order.get("customer_id"):
        return str(bound.facts["CustomerID"])
    if site.generic_customer_id is not None and not order.get("customer_id"):
        return site.generic_customer_id
    write = customer_write(context, event.site, buyer(order, site), create_only=True)
    return await _write_customer(event, context, order, write)


async def _customer_anew(event: Claimed, context: Context, refusal: RejectedByTarget, customer_id: str) -> str:
    """The same buyer's CustomerID after BNG refused `customer_id`: looked up again by ExternalID, or made again.

    Raises the refusal when that leads to the same id: then a person has to look.
    """
    site, order = context.sites[event.site], event.document()
    if customer_id == site.generic_customer_id:
        refusal.hint = (
            f"Correct generic_customer_id of [sites.{event.site}] and restart, then bridgectl dlq retry {{event}}."
        )
        raise refusal
    bound = bindings.by_target(context.read, "bng", "customer", customer_id)
    source_id = bound.target_key.split("/")[2] if bound and bound.site == event.site else buyer(order, site)
    write = replace(customer_write(context, event.site, source_id, create_only=True), instead_of=customer_id)
    found = await _write_customer(event, context, order, write)
    if found == customer_id:
        refusal.hint = (
            f"BNG has customer {customer_id} and takes no order for it: correct it there, then "
            "bridgectl dlq retry {event}."
        )
        raise refusal
    return found


async def _write_customer(event: Claimed, context: Context, order: dict[str, Any], write: Write) -> str:
    to_customer = context.mappings(event.site, "order-to-customer")
    source_id = write.target_key.split("/")[2]

    async def mapping() -> dict[str, Any]:
        body = to_customer(order, external_id=write.reference)
        references.check("ExternalID", body.get("ExternalID"), write.reference)
        # Deleted while the order was on its way: nobody will tell of it again.
        is_deleted = inbox.is_deleted(context.read, event.site, "customer", source_id)
        return body | {"Status": "inactive"} if is_deleted else body

    result = await context.deliver(event.seq, replace(write, mapping=to_customer.identity), mapping)
    return result.binding.target_id


def buyer(order: dict[str, Any], site: Site) -> str:
    """The customer's id in the shop, or a guest's key."""
    return str(order.get("customer_id") or customers.guest_key(order, site.guest_policy))


def customer_write(context: Context, site: str, source_id: str, *, create_only: bool, fingerprint: str = "") -> Write:
    external_id = customer_name(context.read, site, context.sites[site], source_id)
    return Write(
        target="bng", entity="customer", site=site, target_key=f"{site}/customer/{source_id}/customer",
        lock_key=f"bng/customer/{external_id}", reference=external_id, create_only=create_only, fingerprint=fingerprint,
    )  # fmt: skip


def _before_go_live(order: dict[str, Any], site: Site) -> bool:
    if site.go_live_at is None:
        return False
    created_at = from_magento(order["created_at"])
    return created_at < site.go_live_at
