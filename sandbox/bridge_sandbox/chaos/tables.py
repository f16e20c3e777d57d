"""Faults of the shop's database: commits out of order, an outbox that is emptied, triggers that are gone.

Each function returns when its fault is over.
"""

import contextlib
import time

import pymysql

from bridge_sandbox import settings
from bridge_sandbox.admin import CallFailed
from bridge_sandbox.chaos.ground import Ground, daemon_of
from bridge_sandbox.chaos.schedule import Fault
from bridge_sandbox.stage import OUTBOX, Stage

PATIENCE_S = 20.0
CLERK_S = 1.5


def commit_out_of_order(_fault: Fault, ground: Ground) -> None:
    """Of two rows of one order, the one with the lower id is committed last, and carries the newer state."""
    stage = ground.stage
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(CallFailed, OSError, pymysql.err.Error):
            order_id = stage.shop.checkout("simple", second_update_delay_s=0)["order_id"]
            time.sleep(1.0)
            be_slow(stage, order_id)
            return
        time.sleep(0.5)


def be_slow(stage: Stage, order_id: int) -> None:
    database = settings.database_name(stage.site)
    with stage.mariadb.connect_root(database) as slow, stage.mariadb.connect_root(database) as quick:
        slow.begin()
        with slow.cursor() as cursor:
            cursor.execute(
                "UPDATE sales_order_address SET street = %s WHERE parent_id = %s AND address_type = 'shipping'",
                (f"Bummelweg {order_id}, rev1", order_id),
            )
        with quick.cursor() as cursor:
            cursor.execute("UPDATE sales_order_grid SET updated_at = UTC_TIMESTAMP() WHERE entity_id = %s", (order_id,))
        time.sleep(CLERK_S)
        slow.commit()


def outbox_truncated(fault: Fault, ground: Ground) -> None:
    """Somebody empties the outbox while rows wait in it for an agent that is away."""
    stage = ground.stage
    with ground.supervisor.down(daemon_of(stage.site), 0.5):
        time.sleep(fault.for_s)
        stage.mariadb.execute_root(f"TRUNCATE `{settings.database_name(stage.site)}`.`{OUTBOX}`")


def triggers_dropped(fault: Fault, ground: Ground) -> None:
    """Somebody restores tables without their triggers, and a while later an operator installs them again."""
    stage = ground.stage
    database = settings.database_name(stage.site)
    found = stage.mariadb.execute_root(
        "SELECT trigger_name AS name FROM information_schema.triggers"
        " WHERE trigger_schema = %s AND action_statement LIKE %s",
        (database, f"%{OUTBOX}%"),
    )
    for row in found:
        stage.mariadb.execute_root(f"DROP TRIGGER `{database}`.`{row['name']}`")
    time.sleep(fault.for_s)
    stage.install_outbox(stage.site)
