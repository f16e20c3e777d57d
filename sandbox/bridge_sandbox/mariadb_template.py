"""A freshly initialised data directory for MariaDB, kept in a cache and copied: initialising is the slow part."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class MariaDBError(Exception):
    """The server cannot be initialised or does not start; the message has the end of its log."""


def default_cache() -> Path:
    """Where initialised data directories are kept: BRIDGE_SANDBOX_CACHE, or below the user's cache folder."""
    if configured := os.environ.get("BRIDGE_SANDBOX_CACHE"):
        return Path(configured)
    return Path.home() / ".cache" / "bridge-sandbox"


def data_template(cache: Path) -> Path:
    """An initialised data directory of this server's version in the cache, made if it is not there yet."""
    template = cache / f"mariadb-{server_version()}-uid{os.geteuid()}"
    if template.exists():
        return template
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cache))
    try:
        initialise(draft / "data")
        (draft / "data").rename(template)
    except OSError:
        if not template.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(draft)
    return template


def initialise(data: Path) -> None:
    """Create the system tables in `data`; raises `MariaDBError`."""
    command = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
        "--innodb-log-file-size=32M",
        *as_current_user(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MariaDBError(f"mariadb-install-db failed: {(done.stdout + done.stderr)[-2000:]}")


def as_current_user() -> list[str]:
    """The server refuses to run as root unless told so in words."""
    return ["--user=root"] if os.geteuid() == 0 else []


def server_version() -> str:
    """Such as 10.11.6-MariaDB-0+deb12u1: a template is only good for the very version that made it."""
    done = subprocess.run([server_program(), "--no-defaults", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split("Ver ", 1)[1].split()[0]


def server_program() -> str:
    """The server's path; raises `MariaDBError`. Debian keeps it in sbin, which is not on a user's PATH."""
    found = shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MariaDBError("mariadbd is not installed: apt-get install mariadb-server")
    return found
