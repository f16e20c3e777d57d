"""Faults of the shop's database: commits out of order, an outbox that is emptied, triggers that are gone.

Each function returns when its fault is over, and whether it met anything.
"""

import contextlib
import time

import pymysql

from bridge_sandbox import settings
from bridge_sandbox.admin import CallFailed
from bridge_sandbox.chaos.ground import PATIENCE_S, Ground, daemon_of
from bridge_sandbox.chaos.schedule import Fault
from bridge_sandbox.stage import OUTBOX, Stage

CLERK_S = 1.5


def commit_out_of_order(_fault: Fault, ground: Ground) -> bool:
    """Of two rows of one order, the one with the lower id is committed last, and carries the newer state."""
    stage = ground.stage
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(CallFailed, OSError, pymysql.err.Error):
            order_id = stage.shop.checkout("simple", second_update_delay_s=0)["order_id"]
            time.sleep(1.0)
            return be_slow(stage, order_id)
        time.sleep(0.5)
    return False


def be_slow(stage: Stage, order_id: int) -> bool:
    """Whether both rows were there."""
    database = settings.database_name(stage.site)
    with stage.mariadb.connect_root(database) as slow, stage.mariadb.connect_root(database) as quick:
        slow.begin()
        with slow.cursor() as cursor:
            rows = cursor.execute(
                "UPDATE sales_order_address SET street = %s WHERE parent_id = %s AND address_type = 'shipping'",
                (f"Bummelweg {order_id}, rev1", order_id),
            )
        with quick.cursor() as cursor:
            rows += cursor.execute(
                "UPDATE sales_order_grid SET updated_at = UTC_TIMESTAMP() WHERE entity_id = %s", (order_id,)
            )
        time.sleep(CLERK_S)
        slow.commit()
    return rows > 1


def outbox_truncated(fault: Fault, ground: Ground) -> bool:
    """Somebody empties the outbox while rows wait in it for an agent that is away; where none come, nobody does."""
    stage = ground.stage
    with ground.supervisor.down(daemon_of(stage.site), 0.5):
        time.sleep(fault.for_s)
        if not ground.comes(lambda: waiting(stage) > 0):
            return False
        with ground.supervisor.spared("mariadb"):
            stage.mariadb.execute_root(f"TRUNCATE `{settings.database_name(stage.site)}`.`{OUTBOX}`")
        return True


def waiting(stage: Stage) -> int:
    """Rows in the outbox; 0 also while the database is away."""
    with contextlib.suppress(pymysql.err.Error, OSError):
        found = stage.mariadb.execute_root(
            f"SELECT count(*) AS n FROM `{settings.database_name(stage.site)}`.`{OUTBOX}`"
        )
        return int(found[0]["n"])
    return 0


def triggers_dropped(fault: Fault, ground: Ground) -> bool:
    """Somebody restores tables without their triggers, and a while later an operator installs them again."""
    with ground.supervisor.spared("mariadb"):
        found = drop_triggers(ground.stage)
        time.sleep(fault.for_s)
        ground.stage.install_outbox(ground.stage.site)
    return found > 0


def drop_triggers(stage: Stage) -> int:
    """How many there were."""
    database = settings.database_name(stage.site)
    found = stage.mariadb.execute_root(
        "SELECT trigger_name AS name FROM information_schema.triggers"
        " WHERE trigger_schema = %s AND action_statement LIKE %s",
        (database, f"%{OUTBOX}%"),
    )
    for row in found:
        stage.mariadb.execute_root(f"DROP TRIGGER `{database}`.`{row['name']}`")
    return len(found)
