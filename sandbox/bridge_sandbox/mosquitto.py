"""A private mosquitto: its own folder, its own free port, the ACL that fences the sites from each other.

The broker is a lossy pipe by design, and this one may be killed to prove it: `kill()` then `start()` comes back on the
same port with what had been saved. Nothing here reads or touches a broker that runs as a service.

    with Mosquitto(folder, {"shop1": "secret", "bridge": "secret"}) as broker:
        ... broker.host, broker.port ...
"""

import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_START_LIMIT_S = 15.0
_STOP_LIMIT_S = 15.0


class Mosquitto:
    """One broker process. `users` maps names to passwords; a user's name is its site, but for `bridge_user`.

    `watchers` may read everything of the bridge's topics. With `within` before its command it listens to all addresses of
    that place, and `host` is where we find it. `acl` may be changed while it runs: assign and `reload()`.
    """

    def __init__(
        self,
        folder: Path,
        users: dict[str, str],
        *,
        bridge_user: str = "bridge",
        watchers: tuple[str, ...] = (),
        port: int = 0,
        host: str = HOST,
        within: Sequence[str] = (),
        max_packet_bytes: int = 2 * 1024 * 1024,
        autosave_interval_s: int = 5,
        username_as_client_id: bool = True,
    ) -> None:
        self.folder = folder
        self.users = dict(users)
        self.acl = acl(bridge_user, watchers)
        self.port = port or _free_port()
        self.host = host
        self._within = tuple(within)
        self.max_packet_bytes = max_packet_bytes
        self._autosave_interval_s = autosave_interval_s
        self._username_as_client_id = username_as_client_id
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def log_text(self) -> str:
        path = self.folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Returns when the port answers. Raises RuntimeError with the broker's log when it does not come up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_files()
        (self.folder / "mosquitto.conf").write_text(self._settings())
        self._process = subprocess.Popen(
            [*self._within, _program(), "-c", str(self.folder / "mosquitto.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C at a terminal is for the parent, which ends the broker in its turn
        )
        self._wait_for_port()

    def stop(self) -> None:
        """Orderly: the queues are saved first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut: what was not saved is lost."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Answers nothing any more, and keeps all connections: as a host that hangs. Ends with `resume` or `kill`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def restart(self, *, orderly: bool = True) -> None:
        self._end(signal.SIGTERM if orderly else signal.SIGKILL)
        self.start()

    def reload(self) -> None:
        """Take changed `users` and `acl` into use; live sessions go on."""
        self._write_files()
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def wipe(self) -> None:
        """Forget every session and queue, as a broker that was set up anew. Only while stopped."""
        (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def _settings(self) -> str:
        return f"""\
listener {self.port} {"0.0.0.0" if self._within else HOST}
use_username_as_clientid {str(self._username_as_client_id).lower()}
allow_anonymous false
password_file {self.folder}/passwords
acl_file {self.folder}/acl
user {getpass.getuser()}
persistence true
persistence_location {self.folder}/
autosave_interval {self._autosave_interval_s}
persistent_client_expiration 14d
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
max_packet_size {self.max_packet_bytes}
set_tcp_nodelay true
log_dest file {self.folder}/mosquitto.log
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""

    def _write_files(self) -> None:
        (self.folder / "acl").write_text(self.acl)
        (self.folder / "acl").chmod(0o600)
        passwords = self.folder / "passwords.new"
        passwords.write_text("".join(f"{name}:{password}\n" for name, password in self.users.items()))
        passwords.chmod(0o600)
        # -U hashes in place: no password ever stands in an argument list.
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, capture_output=True)
        passwords.rename(self.folder / "passwords")

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                with socket.create_connection((self.host, self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"mosquitto did not come up on port {self.port}:\n{self.log_text}")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def acl(bridge_user: str, watchers: tuple[str, ...] = ()) -> str:
    """The rules as they stand in production: a site writes up and reads down, below its own name only."""
    lines = [
        f"user {bridge_user}",
        "topic read bng-bridge/v1/+/up/#",
        "topic write bng-bridge/v1/+/down/#",
        "",
    ]
    for name in watchers:
        lines += [f"user {name}", "topic read bng-bridge/#", ""]
    lines += ["pattern write bng-bridge/v1/%u/up/#", "pattern read bng-bridge/v1/%u/down/#", ""]
    return "\n".join(lines)


def _program() -> str:
    """Debian keeps it in /usr/sbin, which is not on every user's PATH."""
    return next(
        (path for path in ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto") if os.access(path, os.X_OK)), "mosquitto"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
