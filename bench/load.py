"""The load: orders in the shop's database, copied from a few that the sandbox shop sold.

The copies go through the shop's own tables, so that the triggers write the outbox; for a drain the rows are kept and put
into the outbox again, the same for both sides. The documents of the copies come from the stub (see stub.py).
"""

import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.stub import ID, NAME
from bridge_sandbox.admin import Server, ShopAdmin

KINDS = ("simple", "configurable", "bundle_fixed", "bundle_dynamic", "discount", "mixed")
FIRST_ID = 1_000_000
FIRST_NAME = 10_000_000
PARENT_OF = {
    "sales_order": "entity_id",
    "sales_order_address": "parent_id",
    "sales_order_payment": "parent_id",
    "sales_order_status_history": "parent_id",
    "sales_order_grid": "entity_id",
}
"""In the order of a checkout; the column with the order's id."""
CHUNK = 1000
TRIGGER_ROWS, TRIGGER_ROUNDS = 10_000, 7

Connection = "pymysql.Connection[pymysql.cursors.DictCursor]"


def sell_templates(shop: ShopAdmin, api: Server, folder: Path) -> list[int]:
    """One order of each kind, its REST document left in `folder` for the stub; the orders' ids."""
    ids = [int(shop.checkout(kind, guest_email=f"{kind}@example.com")["order_id"]) for kind in KINDS]
    for number, order_id in enumerate(ids):
        document = api.get(f"/rest/all/V1/orders/{order_id}")
        (folder / f"template-{number}.json").write_bytes(template(document, order_id))
    return ids


def template(document: dict[str, Any], order_id: int) -> bytes:
    """The document as text, with marks where each copy has its own: order id, increment id, e-mail address."""
    mail, name, mark = document["customer_email"], document["increment_id"], int(ID)

    def marked(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {key: marked(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [marked(item) for item in value]
        if value == order_id and key in ("entity_id", "order_id", "parent_id"):
            return mark
        return {mail: f"guest-{mark}@example.com", name: NAME.decode()}.get(value, value) if key else value

    plain = {**marked(document), "entity_id": mark}
    return json.dumps(plain, default=float, separators=(",", ":")).encode()


class Load:
    """Writes into one shop schema as root; `connection` is in autocommit."""

    def __init__(self, connection: Any, templates: list[int]) -> None:
        self._connection = connection
        self._templates = templates
        self.kept = 0
        self._columns = {table: self._columns_of(table) for table in PARENT_OF}

    def seed(self, orders: int) -> None:
        """So many orders, and their outbox rows kept in bench_rows, those of one order side by side."""
        for first in range(0, orders, CHUNK):
            self.place(first, min(first + CHUNK, orders))
        self.run("CREATE TABLE bench_rows LIKE bng_outbox")
        columns = "entity, entity_id, op, created_at"
        keep = f"INSERT INTO bench_rows ({columns}) SELECT {columns} FROM bng_outbox WHERE entity_id >= {FIRST_ID}"
        self.kept = self.run(f"{keep} ORDER BY entity_id, id")
        self.empty()

    def place(self, first: int, end: int) -> float:
        """The orders `first` up to `end` in one transaction; when its COMMIT returned."""
        self._connection.begin()
        for table, column in PARENT_OF.items():
            for number, template_id in enumerate(self._templates):
                start = first + (number - first) % len(self._templates)
                if start < end:
                    self._copy(table, column, template_id, f"seq_{start}_to_{end - 1}_step_{len(self._templates)}")
        self._connection.commit()
        return time.time()

    def put_rows(self, orders: int, *, rounds: int = 1) -> int:
        """Their kept rows into the outbox, in one commit; with more rounds each order's rows lie far apart."""
        columns = "entity, entity_id, op, created_at"
        order = "id" if rounds == 1 else f"id %% {rounds}, id"
        return self.run(
            f"INSERT INTO bng_outbox ({columns}) SELECT entity, entity_id, op, UTC_TIMESTAMP(6) FROM bench_rows "
            f"WHERE entity_id < {FIRST_ID + orders} ORDER BY {order}".replace("%%", "%")
        )

    def empty(self) -> None:
        self.run("TRUNCATE TABLE bng_outbox")

    def waiting(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) AS waiting FROM bng_outbox")
            return int(cursor.fetchone()["waiting"])

    def trigger_cost_us(self) -> float:
        """What the trigger adds to a row: the same rows into two copies of a table, one with the trigger."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT action_statement AS body FROM information_schema.triggers WHERE trigger_schema = DATABASE() "
                "AND trigger_name = 'bng_sales_order_status_history_ai'"
            )
            body = cursor.fetchone()["body"]
        for table in ("bench_plain", "bench_captured"):
            self.run(f"CREATE TABLE {table} LIKE sales_order_status_history")
        self.run(f"CREATE TRIGGER bench_ai AFTER INSERT ON bench_captured FOR EACH ROW {body}")
        rounds = [
            self._seconds_of_insert("bench_captured") - self._seconds_of_insert("bench_plain")
            for _ in range(TRIGGER_ROUNDS)
        ]
        self.empty()
        return statistics.median(rounds) / TRIGGER_ROWS * 1e6

    def run(self, sql: str) -> int:
        with self._connection.cursor() as cursor:
            return int(cursor.execute(sql))

    def _seconds_of_insert(self, table: str) -> float:
        begun_s = time.perf_counter()
        self.run(f"INSERT INTO {table} (parent_id, comment) SELECT seq, 'x' FROM seq_1_to_{TRIGGER_ROWS}")
        return time.perf_counter() - begun_s

    def _copy(self, table: str, column: str, template_id: int, numbers: str) -> None:
        own = {column: f"{FIRST_ID} + n.seq", "increment_id": f"{FIRST_NAME} + n.seq"}
        names = self._columns[table]
        values = ", ".join(own.get(name, f"t.`{name}`") for name in names)
        listed = ", ".join(f"`{name}`" for name in names)
        self.run(
            f"INSERT INTO {table} ({listed}) SELECT {values} FROM {numbers} n JOIN {table} t ON t.{column} = {template_id}"
        )

    def _columns_of(self, table: str) -> list[str]:
        """Without the table's own numbering, but for the order's id."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SHOW COLUMNS FROM {table}")
            return [
                row["Field"] for row in cursor.fetchall() if row["Field"] == PARENT_OF[table] or row["Key"] != "PRI"
            ]
