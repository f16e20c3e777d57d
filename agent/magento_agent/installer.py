"""Puts table and triggers into the shop's database, and takes them out again. Can be repeated: only what differs changes.

Each statement stands alone: what a failure leaves behind is a shop that works, with some triggers fewer.
"""

import contextlib
import uuid
from dataclasses import dataclass, field

from bridge_common.errors import BridgeError, ConfigError
from magento_agent.database import Account, grant, quoted
from magento_agent.findings import Finding
from magento_agent.grants import agent_findings, agent_rights, host_of, require_install_rights
from magento_agent.owner import Existing, OwnerSession
from magento_agent.triggers import CAPTURES, Trigger, is_ours, is_subscription, triggers_of

COLUMNS = [("id", "bigint"), ("entity", "varchar"), ("entity_id", "int"), ("op", "char"), ("created_at", "datetime")]


@dataclass
class Report:
    """What was changed, what was left alone and why, and how the agent's account stands."""

    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    agent: list[Finding] = field(default_factory=list)


def install(session: OwnerSession, agent: Account) -> Report:
    """Raises AccessDenied before the first change when a right is missing; ConfigError, TargetUnavailable."""
    require_install_rights(session)
    report = Report()
    _install_table(session, report)
    _install_triggers(session, report)
    report.agent = _provide_agent_rights(session, agent, report)
    return report


def uninstall(session: OwnerSession, *, force: bool) -> Report:
    """Triggers first: a trigger without its table costs every write a failed statement."""
    report = Report()
    has_table = session.outbox.table in session.tables()
    if has_table:
        _refuse_waiting(session, force=force)
    for trigger in session.triggers():
        if is_ours(trigger.name, trigger.body, session.outbox.table_prefix):
            _drop(session, trigger.name, report)
    if has_table:
        # Again: a checkout may have come in between.
        _refuse_waiting(session, force=force)
        session.change_named("drop_table")
        report.changes.append(f"dropped table {session.outbox.table}")
    return report


def columns_are_right(session: OwnerSession) -> bool:
    found = [(str(name), str(kind)) for name, kind in session.fetch("columns", session.outbox.table)]
    return found == COLUMNS


def subscription_of(table: str, existing: list[Existing]) -> str | None:
    """The name of a trigger of Magento's own indexing on this table."""
    found = (each.name for each in existing if each.table == table and is_subscription(each.name, each.body, table))
    return next(found, None)


def is_same(trigger: Trigger, existing: Existing, session: OwnerSession) -> bool:
    """Also made by the account that is connected now: another one may be dropped some day."""
    return (existing.table, existing.body, existing.definer, existing.sql_mode) == (
        trigger.table,
        trigger.body,
        session.user,
        "",
    )


def _install_table(session: OwnerSession, report: Report) -> None:
    table = session.outbox.table
    if table not in session.tables():
        # The name in the comment tells this outbox from every other one: part of the database's identity.
        session.change_named("create_table", f"bng-bridge outbox {uuid.uuid4()}")
        report.changes.append(f"created table {table}")
    elif not columns_are_right(session):
        raise ConfigError(
            f"There is a table {table!r} already, and it is not an outbox.",
            hint=f"Look at it, and rename or drop it if nobody needs it: RENAME TABLE {quoted(table)} TO …",
        )


def _install_triggers(session: OwnerSession, report: Report) -> None:
    existing = session.triggers()
    tables = session.tables()
    prefix = session.outbox.table_prefix
    for capture in CAPTURES:
        table = prefix + capture.table
        wanted = triggers_of(capture, prefix)
        subscription = subscription_of(table, existing)
        if table not in tables:
            report.notes.append(f"skipped {table}: this shop has no such table")
        elif capture.table in session.outbox.without:
            report.notes.append(f"skipped {table}: it is listed in [outbox] without")
            _drop_all(session, wanted, existing, report)
        elif subscription is not None:
            report.refused.append(
                f"{table}: Magento's own indexing subscribes it (trigger {subscription}); a further trigger there would "
                "make setup:upgrade abort"
            )
            _drop_all(session, wanted, existing, report)
        else:
            _put_all(session, wanted, existing, report)


def _put_all(session: OwnerSession, wanted: list[Trigger], existing: list[Existing], report: Report) -> None:
    known = {each.name: each for each in existing}
    for trigger in wanted:
        present = known.get(trigger.name)
        if present is not None and is_same(trigger, present, session):
            continue
        _put(session, trigger, is_present=present is not None)
        report.changes.append(f"{'replaced' if present else 'created'} trigger {trigger.name}")


def _put(session: OwnerSession, trigger: Trigger, *, is_present: bool) -> None:
    """MariaDB replaces in one step; MySQL cannot, and misses what is written between the two."""
    name = quoted(trigger.name)
    if is_present and "MariaDB" not in session.version:
        session.change(f"DROP TRIGGER IF EXISTS {name}")
    create = "CREATE OR REPLACE" if "MariaDB" in session.version else "CREATE"
    session.change(f"{create} TRIGGER {name} {trigger.timing} {trigger.body}")


def _drop_all(session: OwnerSession, ours: list[Trigger], existing: list[Existing], report: Report) -> None:
    present = {each.name for each in existing}
    for trigger in ours:
        if trigger.name in present:
            _drop(session, trigger.name, report)


def _drop(session: OwnerSession, name: str, report: Report) -> None:
    session.change(f"DROP TRIGGER IF EXISTS {quoted(name)}")
    report.changes.append(f"dropped trigger {name}")


def _refuse_waiting(session: OwnerSession, *, force: bool) -> None:
    ((count, oldest),) = session.fetch("waiting")
    if count and not force:
        raise ConfigError(
            f"{count} rows wait in {session.outbox.table}, the oldest since {oldest} UTC.",
            hint="Carry them first: magento-agent once; or give them up with --force.",
        )


def _provide_agent_rights(session: OwnerSession, agent: Account, report: Report) -> list[Finding]:
    """Grants what is missing, if the shop's account may; the findings tell what is left to do."""
    with contextlib.suppress(BridgeError):
        rights = agent_rights(session.outbox, agent)
        if rights.missing:
            session.change(grant(session.outbox, host_of(rights.account)).rstrip(";"))
            report.changes.append(f"granted {rights.account} its rights on {session.outbox.table}")
    return agent_findings(session.outbox, agent)
