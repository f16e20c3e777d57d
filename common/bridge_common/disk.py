"""What an error on a file of ours means: for the disk to mend, or for a person."""

import errno
import os
import sqlite3
from pathlib import Path

from bridge_common.errors import BridgeError, ConfigError, TransientError

PASSING_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
PASSING_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
PRIMARY_CODE = 0xFF
"""Of SQLite's codes, which say more in their higher bits."""
LOW_BYTES = 1 << 30
LOW_SHARE = 0.1
"""Nearly full is what is below both: a tenth of a large disk lasts for long, and a small one never has a GiB."""


def unusable(path: Path, error: OSError | sqlite3.Error, *, hint: str) -> BridgeError:
    """A full or failing disk is a TransientError: systemd starts the daemon again until there is room.

    Anything else is a ConfigError with `hint`, after which the daemon stays down until somebody has looked.
    """
    if is_passing(error):
        return TransientError(
            f"{path} cannot be written: {error}.", hint="The disk is full or failing: df and dmesg say which."
        )
    return ConfigError(f"{path} cannot be used: {error}.", hint=hint)


def why_nearly_full(folder: Path) -> str:
    """How much room is left, where that is little; else empty."""
    found = os.statvfs(folder)
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    if free >= LOW_BYTES or free >= size * LOW_SHARE:
        return ""
    return f"only {free / 1e6:.0f} MB of {size / 1e6:.0f} MB are free"


def is_passing(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in PASSING_ERRNOS
    code = getattr(error, "sqlite_errorcode", None)  # what Python's own module raises has none
    return code is not None and code & PRIMARY_CODE in PASSING_CODES
