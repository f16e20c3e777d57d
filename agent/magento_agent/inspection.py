"""`outbox check`: is everything in place that catches changes, and will it stay so? Changes nothing."""

from bridge_common.errors import BridgeError
from magento_agent.config import Outbox
from magento_agent.database import Account
from magento_agent.findings import Finding, fail, note, ok
from magento_agent.grants import INSTALL_RIGHTS, agent_findings, has_role, quoted_account, rights_of
from magento_agent.installer import columns_are_right, is_same, subscription_of
from magento_agent.owner import Existing, OwnerSession, owner_account, owner_session
from magento_agent.triggers import CAPTURES, Capture, triggers_of

INSTALL = "Run: magento-agent outbox install"


def inspect(outbox: Outbox, agent: Account, owner: Account | None) -> list[Finding]:
    """Without the owner's account the triggers cannot be seen: only who may change them is shown them."""
    findings: list[Finding] = []
    if owner is None:
        remedy = "Name the shop's account in [outbox.owner] to have them checked."
        findings.append(note("triggers", "not visible to the agent's account", remedy))
    else:
        try:
            with owner_session(outbox, owner) as session:
                findings += _inspect_as_owner(session)
        except BridgeError as error:
            findings.append(fail("owner account", error.message, error.hint, exit_code=error.exit_code))
    return findings + agent_findings(outbox, agent)


def trigger_failures(outbox: Outbox) -> list[Finding]:
    """What is wrong with the triggers and whose they are. Raises AccessDenied, ConfigError or TargetUnavailable."""
    with owner_session(outbox, owner_account(outbox)) as session:
        found = _triggers(session, session.tables())
    return [finding for finding in found if finding.state == "fail"]


def _inspect_as_owner(session: OwnerSession) -> list[Finding]:
    tables = session.tables()
    return [_table(session, tables), *_triggers(session, tables), _grid(session, tables), _binary_log(session)]


def _triggers(session: OwnerSession, tables: set[str]) -> list[Finding]:
    existing = session.triggers()
    captures = [_capture(session, capture, existing, tables) for capture in CAPTURES]
    return [*captures, *_definers(session, existing)]


def _table(session: OwnerSession, tables: set[str]) -> Finding:
    name = session.outbox.table
    if name not in tables:
        return fail("table", f"there is no table {name}", INSTALL)
    if not columns_are_right(session):
        return fail("table", f"{name} has other columns than an outbox", "Rename it, and install the outbox anew.")
    if session.fetch("engine", name)[0][0] != "InnoDB":
        return fail("table", f"{name} is not an InnoDB table", f"ALTER TABLE {name} ENGINE = InnoDB;")
    ((count, oldest),) = session.fetch("waiting")
    return ok("table", f"{name} has {count} rows waiting" + (f", the oldest since {oldest} UTC" if count else ""))


def _capture(session: OwnerSession, capture: Capture, existing: list[Existing], tables: set[str]) -> Finding:
    prefix = session.outbox.table_prefix
    table = prefix + capture.table
    name = f"triggers on {table}"
    known = {each.name: each for each in existing}
    wanted = triggers_of(capture, prefix)
    present = [trigger for trigger in wanted if trigger.name in known]
    subscription = subscription_of(table, existing)
    if table not in tables:
        return note(name, "this shop has no such table")
    if subscription is not None:
        text = f"Magento's own indexing subscribes this table now (trigger {subscription})"
        remedy = (
            f"{INSTALL} (it removes ours there, which would make setup:upgrade abort), then list {capture.table} in "
            "[outbox] without"
        )
        return fail(name, text, remedy) if present or capture.table not in session.outbox.without else note(name, text)
    if capture.table in session.outbox.without:
        return fail(name, "left out by [outbox] without, but there", INSTALL) if present else note(name, "left out")
    missing = [trigger.name for trigger in wanted if trigger.name not in known]
    if missing:
        return fail(name, f"missing: {', '.join(missing)}", INSTALL)
    changed = [trigger.name for trigger in wanted if not is_same(trigger, known[trigger.name], session)]
    if changed:
        return fail(name, f"changed, or made by another account: {', '.join(changed)}", INSTALL)
    return ok(name, f"tell of each {capture.entity}")


def _definers(session: OwnerSession, existing: list[Existing]) -> list[Finding]:
    """A trigger whose definer is gone, or lost its rights, fails the shop's own statement."""
    ours = {trigger.name for capture in CAPTURES for trigger in triggers_of(capture, session.outbox.table_prefix)}
    definers = sorted({each.definer for each in existing if each.name in ours})
    return [_definer(session, definer) for definer in definers]


def _definer(session: OwnerSession, definer: str) -> Finding:
    name = f"definer {definer}"
    if definer == session.user:
        rights = rights_of(session, quoted_account(definer))
        missing = [right for right in INSTALL_RIGHTS[1:] if right not in rights]
        if missing and not has_role(session):
            remedy = f"Run as an administrator: GRANT {', '.join(missing)} ON the shop's database TO it, at once."
            return fail(name, f"lacks {', '.join(missing)}: every write to these tables fails", remedy, exit_code=77)
        return ok(name, "is the shop's own account, and has the rights")
    return fail(name, _about_other(session, definer), INSTALL)


def _about_other(session: OwnerSession, definer: str) -> str:
    user, _, host = definer.rpartition("@")
    try:
        exists = session.fetch("account_exists", user, host)[0][0]
    except BridgeError:  # mysql.user is not for everybody to read
        return f"is not {session.user}; if it is dropped, every write to these tables fails"
    if exists:
        return f"is not {session.user}; if it is dropped, every write to these tables fails"
    return "does not exist: every write to these tables fails"


def _grid(session: OwnerSession, tables: set[str]) -> Finding:
    name = "grid indexing"
    if f"{session.outbox.table_prefix}core_config_data" not in tables:
        return note(name, "the shop's settings cannot be read")
    rows = session.fetch("grid_setting")
    if rows and str(rows[0][0]) == "1":
        text = "asynchronous: the order grid is written by cron, so some changes are seen up to a minute later"
        return note(name, text, "bin/magento config:set dev/grid/async_indexing 0")
    return ok(name, "synchronous")


def _binary_log(session: OwnerSession) -> Finding:
    name = "binary log"
    if not session.needs_super:
        return ok(name, "is no obstacle to creating triggers")
    if "SUPER" in rights_of(session, quoted_account(session.user)):
        return ok(name, "is on; the account has SUPER")
    text = "is on, and log_bin_trust_function_creators is off: triggers cannot be created again (error 1419)"
    return note(name, text, "SET GLOBAL log_bin_trust_function_creators = 1;")
