"""Magento order → BNG customer, sales order, cancellation."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bng_bridge import bindings
from bng_bridge.config import Site
from bng_bridge.flows.context import Context
from bng_bridge.flows.names import customer_name, order_name
from bng_bridge.inbox import Claimed
from bng_bridge.mapping import customers, orders
from bng_bridge.outcome import DONE, Outcome, skipped
from bng_bridge.target import Write
from bridge_common.errors import DependencyMissing


async def order_to_sales_order(event: Claimed, context: Context) -> Outcome:
    """Raises MappingError for amounts that do not add up, IdentityChanged when the id belongs to another order now."""
    site, order = context.sites[event.site], event.document()
    if _before_go_live(order, site):
        return skipped("before go-live")
    _check_parent(order, event.site, context)
    customer_id = await _customer(event, context, site, order)
    external_id = order_name(context, event.site, event.entity_id)
    write = Write(
        target="bng", entity="sales_order", site=event.site, target_key=sales_order_key(event.site, event.entity_id),
        lock_key=f"bng/{external_id}", reference=external_id, fingerprint=orders.fingerprint(order),
    )  # fmt: skip

    async def mapping() -> dict[str, Any]:
        zone = site.time_zone
        return orders.sales_order(order, external_id=external_id, customer_id=customer_id, time_zone=zone)

    await context.deliver(event.seq, write, mapping)
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
        sales_order, entity="cancellation", target_key=cancellation_key(event.site, event.entity_id), create_only=True
    )

    async def mapping() -> dict[str, Any]:
        return {}

    await context.deliver(event.seq, write, mapping)


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
    source_id = str(order.get("customer_id") or customers.guest_key(order, site.guest_policy))
    write = customer_write(context, event.site, source_id, create_only=True)

    async def mapping() -> dict[str, Any]:
        return customers.from_order(order, external_id=write.reference)

    result = await context.deliver(event.seq, write, mapping)
    return result.binding.target_id


def customer_write(context: Context, site: str, source_id: str, *, create_only: bool, fingerprint: str = "") -> Write:
    external_id = customer_name(context, site, source_id)
    return Write(
        target="bng", entity="customer", site=site, target_key=f"{site}/customer/{source_id}/customer",
        lock_key=f"bng/customer/{external_id}", reference=external_id, create_only=create_only, fingerprint=fingerprint,
    )  # fmt: skip


def _before_go_live(order: dict[str, Any], site: Site) -> bool:
    if site.go_live_at is None:
        return False
    created_at = datetime.strptime(order["created_at"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return created_at < site.go_live_at
