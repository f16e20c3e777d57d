"""What became of every write that the gateway was asked for, kept on disk beyond the request's life.

A request is committed as running before it is sent, and its answer is committed before it is published. So a request
that comes again gets the stored answer, and one that was cut off by a crash is known as interrupted: perhaps executed.
"""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bridge_common import decimal_json, queries
from bridge_common.disk import unusable
from bridge_common.errors import ConfigError

VERSION = 1

State = Literal["running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class Known:
    state: State
    answer: dict[str, Any] | None
    is_unsent: bool


class Answers:
    """One SQLite file, for one thread at a time. All methods block for a disk write at most."""

    def __init__(self, path: Path) -> None:
        """Opening turns what an earlier run left running into interrupted.

        Raises ConfigError, and TransientError while the disk is full.
        """
        self._sql = queries.load(__package__, "answers")
        try:
            # The answers hold addresses and e-mails of customers.
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare(path)
        except (OSError, sqlite3.Error) as error:
            raise unusable(path, error, hint="[agent] state_dir must be writable by the service's user.") from error

    def begin(self, request_id: str, method: str, path: str) -> None:
        """On record as running; only a new request, or one that surely was not sent."""
        cursor = self._connection.execute(self._sql["begin"], (request_id, method, path, time.time()))
        if cursor.rowcount != 1:
            raise ValueError(f"request {request_id} was begun before")

    def finish(self, request_id: str, answer: dict[str, Any]) -> None:
        """`answer` is what the bridge will be told, now and whenever it asks again."""
        state: State = "done" if answer["state"] == "done" else "failed"
        is_unsent = answer["state"] == "refused" or answer.get("kind") == "unsent"
        self._connection.execute(self._sql["finish"], (state, is_unsent, decimal_json.dumps(answer), request_id))

    def find(self, request_id: str) -> Known | None:
        row = self._connection.execute(self._sql["find"], (request_id,)).fetchone()
        if row is None:
            return None
        state, answer, is_unsent = row
        return Known(state, decimal_json.loads(answer) if answer else None, bool(is_unsent))

    def forget(self, kept_s: float) -> None:
        """Drop what is older."""
        self._connection.execute(self._sql["forget"], (time.time() - kept_s,))

    def close(self) -> None:
        self._connection.close()

    def _prepare(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a request is acknowledged after this commit, so it must survive a power cut.
        self._connection.execute("PRAGMA synchronous = FULL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise ConfigError(f"{path} was written by a newer magento-agent.", hint="Install that version again.")
        if version == 0:
            self._connection.executescript(f"BEGIN; {self._sql['schema']} COMMIT;")
        self._connection.execute(self._sql["interrupt"])
