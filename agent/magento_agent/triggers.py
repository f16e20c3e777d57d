"""Which tables are captured, and the triggers that do it. Text only.

Magento's own indexing must not subscribe any of these tables: a foreign trigger on a subscribed table makes its upgrade
abort (seen from 2.4.3 to 2.4.8). An order is covered by several tables together, since no single one of them is written
at every change: payment and grid at nearly all, an edited address only in its own table.
"""

import re
from dataclasses import dataclass

from bridge_common import queries
from magento_agent.database import quoted


@dataclass(frozen=True)
class Capture:
    """A row of `table` tells of the entity whose id is in `column`; `is_own_row`: it is the entity's own."""

    table: str
    entity: str
    column: str
    is_own_row: bool = False


CAPTURES = (
    Capture("sales_order_grid", "order", "entity_id", is_own_row=True),
    Capture("sales_order_payment", "order", "parent_id"),
    Capture("sales_order_address", "order", "parent_id"),
    Capture("sales_order_status_history", "order", "parent_id"),
    Capture("sales_shipment", "order", "order_id"),
    Capture("sales_shipment_track", "order", "order_id"),
    Capture("sales_invoice", "order", "order_id"),
    Capture("sales_creditmemo", "order", "order_id"),
    Capture("customer_entity", "customer", "entity_id", is_own_row=True),
    Capture("customer_address_entity", "customer", "parent_id"),
    Capture("newsletter_subscriber", "customer", "customer_id"),
)


@dataclass(frozen=True)
class Trigger:
    """`table` with the shop's prefix; `body` exactly as the server keeps it."""

    name: str
    table: str
    event: str
    body: str

    @property
    def timing(self) -> str:
        return f"AFTER {self.event} ON {quoted(self.table)} FOR EACH ROW"


def triggers_of(capture: Capture, prefix: str) -> list[Trigger]:
    """After insert, update and delete. Only the deletion of the entity's own row is the entity's deletion."""
    delete = "D" if capture.is_own_row else "U"
    table = prefix + capture.table
    return [
        Trigger(trigger_name(table, "ai"), table, "INSERT", _body(capture, prefix, "NEW", "I")),
        Trigger(trigger_name(table, "au"), table, "UPDATE", _body(capture, prefix, "NEW", "U")),
        Trigger(trigger_name(table, "ad"), table, "DELETE", _body(capture, prefix, "OLD", delete)),
    ]


def trigger_name(table: str, suffix: str) -> str:
    """Names are unique in a schema, which may hold two shops: so the prefix is part of it."""
    return f"bng_{table}_{suffix}"


def is_ours(name: str, body: str, prefix: str) -> bool:
    return name.startswith(f"bng_{prefix}") and quoted(f"{prefix}bng_outbox") in body


def is_subscription(name: str, body: str, table: str) -> bool:
    """A trigger of Magento's own indexing: by its name, or, where that was too long and is a hash, by its changelog."""
    return name.startswith(f"trg_{table}_after_") or re.search(r"INSERT IGNORE INTO `\w+_cl`", body) is not None


def _body(capture: Capture, prefix: str, row: str, op: str) -> str:
    return queries.load(__package__, "trigger")["body"].format(
        outbox=quoted(f"{prefix}bng_outbox"), entity=capture.entity, entity_id=f"{row}.{quoted(capture.column)}", op=op
    )
