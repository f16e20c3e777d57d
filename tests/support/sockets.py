"""The client's end of a connection whose path is broken on purpose. It waits for bytes as long as its socket does."""

import socket

SILENCE_S = 0.3


def receive(client: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer where the connection ends."""
    data = b""
    while len(data) < count and (more := client.recv(65536)):
        data += more
    return data


def is_silent(client: socket.socket) -> bool:
    """Open, and nothing comes for a while."""
    patience_s = client.gettimeout()
    client.settimeout(SILENCE_S)
    try:
        return client.recv(1) is None
    except TimeoutError:
        return True
    finally:
        client.settimeout(patience_s)
