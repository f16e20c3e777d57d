"""Who runs a command."""

import getpass
import os


def who() -> str:
    """The person behind the command, also behind sudo."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or getpass.getuser()
