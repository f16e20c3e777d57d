"""sd_notify: systemd-python where it is installed, else the datagram itself; nothing outside systemd."""

import os
import socket


def notify(state: str) -> None:
    """`READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=…`. Never raises: a lost notification must not stop a daemon."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        from systemd.daemon import notify as sd_notify
    except ImportError:
        _datagram(address, state)
    else:
        sd_notify(state)


def watchdog_interval_s() -> float | None:
    """Half of what the unit allows, or None without a watchdog."""
    microseconds = os.environ.get("WATCHDOG_USEC")
    return int(microseconds) / 2_000_000 if microseconds else None


def _datagram(address: str, state: str) -> None:
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(state.encode(), target)
    except OSError:
        return
