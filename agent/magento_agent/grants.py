"""Who may do what: the shop's own account at the installation, the agent's at work."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pymysql
import pymysql.cursors
from pymysql.constants import ER

from bridge_common import queries
from bridge_common.errors import AccessDenied, BridgeError
from magento_agent.config import Outbox
from magento_agent.database import Account, connect, explain, grant, owner_grant, qualified
from magento_agent.findings import Finding, fail, note, ok
from magento_agent.owner import OwnerSession

INSTALL_RIGHTS = ("CREATE", "TRIGGER", "INSERT")
AGENT_RIGHTS = ("SELECT", "INSERT", "DELETE")
_DENIED = {ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR}


def require_install_rights(session: OwnerSession) -> None:
    """Raises AccessDenied before anything is changed, with the statement that helps."""
    account = quoted_account(session.user)
    rights = rights_of(session, account)
    missing = [right for right in INSTALL_RIGHTS if right not in rights]
    # Rights that come with a role are not listed: then the server has to say so itself.
    if missing and not has_role(session):
        raise AccessDenied(
            f"{account} may not {', '.join(missing)} in database {session.outbox.database!r}.",
            hint=f"Run as an administrator: {owner_grant(session.outbox, account)}",
        )
    if session.needs_super and "SUPER" not in rights:
        raise AccessDenied(
            f"The server writes a binary log, and then {account} may not create triggers (error 1419).",
            hint="Run as an administrator: SET GLOBAL log_bin_trust_function_creators = 1; (and set it in the server's "
            f"configuration, too), or else: GRANT SUPER ON *.* TO {account};",
        )


@dataclass(frozen=True)
class AgentRights:
    """`account` as the server knows it, user@host; `more` are grants beyond what the agent needs."""

    account: str
    missing: tuple[str, ...]
    more: tuple[str, ...]


def agent_rights(outbox: Outbox, account: Account) -> AgentRights:
    """Tries, as the agent's account, each statement that the agent will run; changes nothing.

    Raises AccessDenied when it cannot log in, TargetUnavailable.
    """
    connection = connect(outbox, account, database=False)
    try:
        with connection.cursor() as cursor:
            return AgentRights(_current_user(cursor), tuple(_missing(cursor, outbox)), tuple(_more(cursor, outbox)))
    except pymysql.Error as error:
        raise explain(error, outbox, account) from error
    finally:
        connection.close()


def agent_findings(outbox: Outbox, account: Account) -> list[Finding]:
    name = "agent account"
    try:
        rights = agent_rights(outbox, account)
    except AccessDenied as error:
        remedy = f"Run as an administrator: {_create_user(outbox)} {grant(outbox)}"
        return [fail(name, error.message, remedy, exit_code=77)]
    except BridgeError as error:
        return [fail(name, error.message, error.hint, exit_code=error.exit_code)]
    if rights.missing:
        text = f"{rights.account} may not {', '.join(rights.missing)} on {outbox.table}"
        remedy = f"Run as an administrator: {grant(outbox, host_of(rights.account))}"
        return [fail(name, text, remedy, exit_code=77)]
    found = [ok(name, f"{rights.account} may SELECT, INSERT and DELETE on {outbox.table}")]
    if rights.more:
        found.append(note("agent rights", f"{rights.account} has more than it needs: {'; '.join(rights.more)}"))
    return found


def host_of(account: str) -> str:
    return account.rpartition("@")[2]


def quoted_account(current_user: str) -> str:
    """'user'@'host' from user@host."""
    user, _, host = current_user.rpartition("@")
    return f"'{user}'@'{host}'"


def _current_user(cursor: pymysql.cursors.Cursor) -> str:
    cursor.execute("SELECT CURRENT_USER()")
    row = cursor.fetchone()
    return str(row[0]) if row else ""


def _missing(cursor: pymysql.cursors.Cursor, outbox: Outbox) -> Iterator[str]:
    for right in AGENT_RIGHTS:
        statement = queries.load(__package__, "install")[f"may_{right.lower()}"]
        if not _may(cursor, statement.replace("{table}", qualified(outbox))):
            yield right


def _more(cursor: pymysql.cursors.Cursor, outbox: Outbox) -> Iterator[str]:
    """Without the password's hash, which stands at the end of the line for USAGE."""
    cursor.execute("SHOW GRANTS")
    lines = [str(row[0]).partition(" IDENTIFIED BY ")[0] for row in cursor.fetchall()]
    return (line for line in lines if not _is_needed(line, outbox))


def _may(cursor: pymysql.cursors.Cursor, statement: str) -> bool:
    try:
        cursor.execute(statement)
    except pymysql.Error as error:
        if error.args[0] in _DENIED:
            return False
        if error.args[0] == ER.NO_SUCH_TABLE:  # said by the finding about the table
            return True
        raise
    return True


def _is_needed(line: str, outbox: Outbox) -> bool:
    granted = re.match(r"GRANT (.+?) ON (\S+) TO ", line)
    if granted is None:
        return False
    rights, where = set(granted[1].split(", ")), granted[2]
    return rights == {"USAGE"} or (where == qualified(outbox) and rights <= set(AGENT_RIGHTS))


def rights_of(session: OwnerSession, account: str) -> set[str]:
    return {str(row[0]) for row in session.fetch("privileges", account, account, account)}


def has_role(session: OwnerSession) -> bool:
    """MariaDB says NULL, MySQL NONE."""
    return session.fetch("role")[0][0] not in (None, "NONE")


def _create_user(outbox: Outbox) -> str:
    return f"CREATE USER '{outbox.user}'@'localhost' IDENTIFIED BY '…';"
