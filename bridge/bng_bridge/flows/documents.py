"""What the shop has made of an order: invoices, shipments, credit memos. Each is an event in the order's lane."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bng_bridge import bindings, switches
from bng_bridge.flows.running import Running
from bng_bridge.magento.order_documents import comment_lines

Document = dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """`shows`: of an order that has some."""

    name: str
    event: str
    path: str
    shows: Callable[[Document], bool]


_OURS = re.compile(r"BNG (shipment|invoice|credit) \S+")
"""A line of the comment of what was made for a document of BNG's."""


def _any_item(field: str) -> Callable[[Document], bool]:
    return lambda order: any(item.get(field) for item in order["items"])


_KINDS = (
    # Once there was one the sum is there: 0 when it was cancelled.
    _Kind("invoices", "magento/invoice", "/V1/invoices", lambda order: order.get("total_invoiced") is not None),
    _Kind("shipments", "magento/shipment", "/V1/shipments", _any_item("qty_shipped")),
    # An adjustment refunds no item.
    _Kind("creditmemos", "magento/creditmemo", "/V1/creditmemos", lambda order: bool(order.get("total_refunded"))),
)


async def shop_documents(running: Running, order: Document) -> Mapping[str, list[Document]]:
    """By kind, oldest first. Of quantities, not of the status, which lies. Raises what the shop raises."""
    found: dict[str, list[Document]] = {}
    for kind in _KINDS:
        listed: list[Document] = []
        if kind.shows(order) and _is_wanted(running, kind):
            listed = await running.magento.search(kind.path, order_id=str(order["entity_id"]))
        found[kind.name] = sorted(
            (each for each in listed if not _came_from_bng(running, kind, each)),
            key=lambda each: int(each["entity_id"]),
        )
    return found


def _is_wanted(running: Running, kind: _Kind) -> bool:
    flow = running.context.mappings.current.flows(running.site, kind.event, "hint")
    if flow is None:
        return False
    return not flow.trigger.is_switched or not switches.why_left(running.read, running.site, flow.name, None)


def _came_from_bng(running: Running, kind: _Kind, document: Document) -> bool:
    """What the bridge itself has made in the shop: bound; or it bears our line, its answer lost."""
    entity = kind.event.partition("/")[2]
    if any(_OURS.fullmatch(line) for line in comment_lines(document)):
        return True
    return bindings.by_target(running.read, "magento", entity, str(document["entity_id"]), running.site) is not None
