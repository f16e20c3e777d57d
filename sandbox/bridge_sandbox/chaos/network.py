"""The network between the daemons and what they reach, as faults see it; of which kind it is, is chosen at the start."""

from collections.abc import Collection
from typing import Literal, Protocol

Direction = Literal["up", "down"]
"""`up` is from the client to what it reaches."""
Kind = Literal["namespaces", "proxy"]
SMALL_PACKET_BYTES = 600
"""What still passes a black hole, as a link with a smaller MTU and a firewall that eats the ICMP about it."""


class Network(Protocol):
    """Faults last until `heal`; several of one client add up. The switches may be used from any thread."""

    @property
    def kind(self) -> Kind: ...

    @property
    def clients(self) -> Collection[str]: ...

    def cut(self, client: str) -> None:
        """Silence in both directions."""

    def lose(self, client: str, direction: Direction) -> None:
        """Silence in one direction."""

    def reset(self, client: str) -> None:
        """Connections are reset, new ones too."""

    def swallow_large(self, client: str, direction: Direction) -> None:
        """What is larger than a small packet does not pass."""

    def met(self, client: str) -> int:
        """How often anything of this client has met a fault so far."""

    def heal(self, client: str) -> None: ...

    def heal_all(self) -> None: ...
