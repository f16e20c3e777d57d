"""The daemon's socket, as seen by one command."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from bridge_common.errors import BridgeError

UNREACHABLE = 3
TEXT_SHOWN = 500


class DaemonUnreachable(BridgeError):
    exit_code = UNREACHABLE


class Refused(BridgeError):
    """The daemon answered that it cannot do this."""

    exit_code = 1


class Daemon:
    """Plain HTTP on a Unix socket, from the standard library: bridgectl starts fast, also on a loaded machine."""

    def __init__(self, path: Path, *, timeout_s: float = 15.0) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def get(self, path: str, *, timeout_s: float | None = None) -> Any:
        return self._request("GET", path, None, timeout_s)

    def post(self, path: str, body: dict[str, Any] | None = None, *, timeout_s: float | None = None) -> Any:
        """`timeout_s` for what takes longer than an answer does otherwise."""
        return self._request("POST", path, body, timeout_s)

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout_s: float | None = None
    ) -> Any:
        """Raises DaemonUnreachable, or Refused with the daemon's own sentence."""
        connection = _UnixConnection(self._path, timeout_s or self._timeout_s)
        try:
            connection.request(method, path, json.dumps(body or {}) if method == "POST" else None)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self._path, error) from error
        finally:
            connection.close()
        return _answer(response.status, text)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("bridge", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _answer(status: int, text: str) -> Any:
    """Raises Refused for another status than 200, and for what is no JSON."""
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise Refused(f"The bridge answered {status}: {text[:TEXT_SHOWN].strip()}") from error
    if status != 200:
        raise Refused(str(answer.get("error")), hint=str(answer.get("hint") or ""))
    return answer


def _unreachable(path: Path, error: Exception) -> DaemonUnreachable:
    if isinstance(error, PermissionError):
        return DaemonUnreachable(f"You may not open {path}.", hint="Run as root or as the bridge's user.")
    return DaemonUnreachable(
        f"The bridge does not answer at {path}: {getattr(error, 'strerror', None) or error}.",
        hint="Is it running? systemctl status bng-bridge; journalctl -u bng-bridge -n 50. Another socket: --socket PATH.",
    )
