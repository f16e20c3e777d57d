"""What an error on a file of ours means: for the disk to mend, or for a person."""

import errno
import sqlite3
from pathlib import Path

from bridge_common.errors import BridgeError, ConfigError, TransientError

PASSING_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
PASSING_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
PRIMARY_CODE = 0xFF
"""Of SQLite's codes, which say more in their higher bits."""


def unusable(path: Path, error: OSError | sqlite3.Error, *, hint: str) -> BridgeError:
    """A full or failing disk is a TransientError: systemd starts the daemon again until there is room.

    Anything else is a ConfigError with `hint`, after which the daemon stays down until somebody has looked.
    """
    if is_passing(error):
        return TransientError(
            f"{path} cannot be written: {error}.", hint="The disk is full or failing: df and dmesg say which."
        )
    return ConfigError(f"{path} cannot be used: {error}.", hint=hint)


def is_passing(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in PASSING_ERRNOS
    code = getattr(error, "sqlite_errorcode", None)  # what Python's own module raises has none
    return code is not None and code & PRIMARY_CODE in PASSING_CODES
