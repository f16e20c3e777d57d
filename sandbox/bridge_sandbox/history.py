"""A shop with a past: orders of every kind from before the bridge, as many as one likes, in seconds.

A few are placed as anybody places orders; the rest are copies of them, written by SQL. No trigger of ours sees any of it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pymysql
import pymysql.cursors

from bridge_sandbox import settings
from bridge_sandbox.stage import OUTBOX, Stage
from bridge_sandbox.trade import KINDS, REGISTERED, choose_order, register

ITEMS_MOST = 32
"""Of one order: ids of items of a copy begin at a multiple of it."""
Cursor = pymysql.cursors.DictCursor

COPIES = """
CREATE TABLE history_copy (
    entity_id int unsigned PRIMARY KEY, template_id int unsigned, first_item int unsigned, item_base int unsigned,
    address_base int unsigned, first_address int unsigned, created_at timestamp NULL)
"""
FILL = """
INSERT INTO history_copy
SELECT %(first)s + seq, t.template_id, t.first_item, %(item)s + seq * %(most)s, %(address)s + seq * 2, t.first_address,
       %(begin)s + INTERVAL FLOOR(seq * %(seconds)s / %(count)s) SECOND
FROM seq_0_to_{last} JOIN history_template AS t ON t.position = seq %% %(templates)s
"""
TEMPLATES = """
CREATE TABLE history_template AS
SELECT (ROW_NUMBER() OVER (ORDER BY o.entity_id)) - 1 AS position, o.entity_id AS template_id,
       (SELECT MIN(item_id) FROM sales_order_item WHERE order_id = o.entity_id) AS first_item,
       (SELECT MIN(entity_id) FROM sales_order_address WHERE parent_id = o.entity_id) AS first_address
FROM sales_order AS o WHERE o.entity_id IN %s
"""
_TIMES = {"created_at": "c.created_at", "updated_at": "c.created_at"}
_INCREMENT = {"increment_id": "LPAD(1000000 + c.entity_id, 9, '0')"}
_ADDRESS = "c.address_base + {} - c.first_address"
CLONED: dict[str, tuple[str, dict[str, str]]] = {
    "sales_order": ("entity_id", {
        "entity_id": "c.entity_id", "protect_code": "MD5(c.entity_id)", **_TIMES, **_INCREMENT,
        "shipping_address_id": _ADDRESS.format("t.shipping_address_id"),
        "billing_address_id": _ADDRESS.format("t.billing_address_id"),
    }),
    "sales_order_item": ("order_id", {
        "item_id": "c.item_base + t.item_id - c.first_item", "order_id": "c.entity_id", **_TIMES,
        "parent_item_id": "c.item_base + t.parent_item_id - c.first_item",
    }),
    "sales_order_address": ("parent_id", {
        "entity_id": _ADDRESS.format("t.entity_id"), "parent_id": "c.entity_id",
    }),
    "sales_order_payment": ("parent_id", {"entity_id": "NULL", "parent_id": "c.entity_id"}),
    "sales_order_grid": ("entity_id", {"entity_id": "c.entity_id", **_TIMES, **_INCREMENT}),
}  # fmt: skip
"""By table the column that names the order, and what a copy has of its own."""


@dataclass(frozen=True)
class Past:
    """From one day to another, both included; UTC, as the stage's shops are."""

    first: date
    last: date

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def seconds(self) -> int:
        return int(((self.last - self.first).days + 1) * timedelta(days=1).total_seconds())


def seed(stage: Stage, orders: int, past: Past, *, number: int = 1) -> None:
    """So many orders of these days, evenly, at the stage's first shop. `number` seeds who buys what."""
    with unseen(stage):
        templates = place(stage, min(orders, len(KINDS) + 1), random.Random(number))
        with (
            stage.mariadb.connect_root(settings.database_name(stage.site)) as connection,
            connection.cursor() as cursor,
        ):
            write_copies(cursor, templates, orders, past)


@contextmanager
def unseen(stage: Stage) -> Iterator[None]:
    """The agent is down and its triggers, if it has any, are gone; afterwards both are back."""
    stage.stop("agent")
    database = settings.database_name(stage.site)
    rows = stage.mariadb.execute_root(
        "SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = %s"
        " AND action_statement LIKE %s", (database, f"%{OUTBOX}%"),
    )  # fmt: skip
    for row in rows:
        stage.mariadb.execute_root(f"DROP TRIGGER `{database}`.`{row['name']}`")
    yield
    if stage.site not in stage.plan.hosted:
        stage.install_outbox()
    stage.start("agent")
    stage.wait_until_welcomed()


def place(stage: Stage, count: int, rng: random.Random) -> list[int]:
    """The ids of one order of each kind, the last of them cancelled."""
    customers = [register(stage.api(), each) for each in range(REGISTERED)]
    made = [
        stage.shop.checkout(second_update_delay_s=0, **choose_order(each, customers, rng))["order_id"]
        for each in range(count)
    ]
    if count > 1:
        stage.shop.post("/cancel", order_id=made[-1])
    return made


def write_copies(cursor: Cursor, templates: list[int], orders: int, past: Past) -> None:
    """In one transaction; the templates get the first times of the past."""
    cursor.execute("SET SESSION time_zone = '+00:00', sql_mode = '', foreign_key_checks = 0")
    cursor.execute(TEMPLATES, (tuple(templates),))
    cursor.execute(COPIES)
    cursor.execute("START TRANSACTION")
    copies = orders - len(templates)
    if copies > 0:
        cursor.execute(FILL.format(last=copies - 1), {
            "first": above(cursor, "sales_order", "entity_id"), "item": above(cursor, "sales_order_item", "item_id"),
            "address": above(cursor, "sales_order_address", "entity_id"), "most": ITEMS_MOST, "begin": past.begins_at,
            "seconds": past.seconds, "count": copies, "templates": len(templates),
        })  # fmt: skip
        for table, (names, own) in CLONED.items():
            clone(cursor, table, names, own)
    for table in ("sales_order", "sales_order_grid"):
        times = (past.begins_at, past.begins_at, tuple(templates))
        cursor.execute(f"UPDATE {table} SET created_at = %s, updated_at = %s WHERE entity_id IN %s", times)
    cursor.execute("COMMIT")
    cursor.execute("DROP TABLE history_copy, history_template")


def clone(cursor: Cursor, table: str, names: str, own: dict[str, str]) -> None:
    columns = [each["Field"] for each in rows(cursor, f"SHOW COLUMNS FROM {table}")]
    values = ", ".join(own.get(column, f"t.`{column}`") for column in columns)
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(f'`{each}`' for each in columns)}) SELECT {values} "
        f"FROM history_copy AS c JOIN {table} AS t ON t.{names} = c.template_id"
    )


def above(cursor: Cursor, table: str, column: str) -> int:
    """An id above all that are there."""
    return int(rows(cursor, f"SELECT COALESCE(MAX({column}), 0) + 100 AS id FROM {table}")[0]["id"])


def rows(cursor: Cursor, sql: str) -> list[dict[str, Any]]:
    cursor.execute(sql)
    return list(cursor.fetchall())
