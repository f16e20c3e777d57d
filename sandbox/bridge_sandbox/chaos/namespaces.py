"""The network as on real hosts: broker and BNG on the other side of a firewall, which drops and rejects packets.

    daemons, here ── one link per client ── namespace of the firewall ── trunk ── namespace of broker and BNG

The far side has an address of its own for each client, so that one alone can be cut. All rules stand in the firewall's
namespace: this host's own are not touched. Needs root, iproute2 and nftables. Names begin with `bng` and the number of this
process: what a run that was killed has left behind goes at the start of the next.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bridge_sandbox.chaos.network import SMALL_PACKET_BYTES, Direction, Kind
from bridge_sandbox.process import ProgramFailed
from bridge_sandbox.settings import BNG, STAGE, Place

FIRST = IPv4Address("198.18.0.0")
"""Of the addresses for benchmarks (RFC 2544), which nobody routes; 64 of them for each run."""
RUNS, EACH = 2048, 64
LINKS = 8
"""4 addresses each, and behind those the trunk's 16."""
BARE_BYTES = 52
"""IP and TCP headers with nothing behind them: an acknowledgement alone that is dropped has met nothing."""
LIMIT_S = 10.0
NETNS = Path("/run/netns")
SBIN = ":/usr/sbin:/sbin"
TRUNK = "trunk"
NAME = re.compile(r"bng(\d+)_")


class NoNamespaces(ProgramFailed):
    """They cannot be had here; the text says why."""


@dataclass(frozen=True)
class Link:
    """One client's way. `name` is its end here, the firewall's end, and the firewall's chain and counter for it."""

    name: str
    here: IPv4Address
    firewall: IPv4Address
    far: IPv4Address


class Namespaces:
    """Inside the block programs may be started `far` away, where each client reaches them by an address of its own."""

    kind: Literal["namespaces"] = "namespaces"

    def __init__(self, clients: Sequence[str], pid: int | None = None) -> None:
        """`pid` is whose they are; ours."""
        pid = pid or os.getpid()
        self._run = f"bng{pid}_"
        self._firewall, self._far = f"{self._run}firewall", f"{self._run}far"
        self._base = FIRST + EACH * (pid % RUNS)
        self._links = {client: self._link(number) for number, client in enumerate((STAGE, *clients))}
        if len(self._links) > LINKS:
            raise NoNamespaces(f"there are addresses for {LINKS - 1} clients only")

    @property
    def clients(self) -> Collection[str]:
        return self._links.keys()

    @property
    def far(self) -> Place:
        """By its webhooks BNG uses the same link as the bridge on its way to BNG, where there is one."""
        addresses = {client: str(link.far) for client, link in self._links.items()}
        return Place(inside(self._far), addresses, str(self._links.get(BNG, self._links[STAGE]).here))

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise NoNamespaces("only root may make them")
        missing = [name for name in ("ip", "nft", "nsenter") if shutil.which(name, path=search_path()) is None]
        if missing:
            raise NoNamespaces(f"needs Debian's packages iproute2 and nftables; there is no {' and no '.join(missing)}")
        sweep()
        remove(self._run)
        try:
            self._lay()
        except BaseException:
            remove(self._run)
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        remove(self._run)

    # The faults, as network.py promises them

    def cut(self, client: str) -> None:
        self._drop(client, "")

    def lose(self, client: str, direction: Direction) -> None:
        self._drop(client, self._going(client, direction))

    def reset(self, client: str) -> None:
        """Whoever sends is told that there is no such connection, and the other end nothing, as firewalls do."""
        name = self._links[client].name
        self._rule(client, f"meta l4proto tcp counter name {name} reject with tcp reset")

    def swallow_large(self, client: str, direction: Direction) -> None:
        going, name = self._going(client, direction), self._links[client].name
        self._rule(client, f"{going} meta length > {SMALL_PACKET_BYTES} counter name {name} drop")

    def met(self, client: str) -> int:
        """Packets with something in them; what is sent again counts again."""
        found = json.loads(
            self._at_firewall("nft", "-j", "list", "counter", "inet", "faults", self._links[client].name)
        )
        return sum(each["counter"]["packets"] for each in found["nftables"] if "counter" in each)

    def heal(self, client: str) -> None:
        """The counter goes on."""
        self._at_firewall("nft", "flush", "chain", "inet", "faults", self._links[client].name)

    def heal_all(self) -> None:
        for client in self._links:
            self.heal(client)

    def _drop(self, client: str, going: str) -> None:
        name = self._links[client].name
        self._rule(client, f"{going} meta length > {BARE_BYTES} counter name {name} drop")
        self._rule(client, f"{going} drop")

    def _going(self, client: str, direction: Direction) -> str:
        return f"{'iifname' if direction == 'up' else 'oifname'} {self._links[client].name}"

    def _rule(self, client: str, rule: str) -> None:
        self._at_firewall("nft", f"add rule inet faults {self._links[client].name} {rule}")

    # How it is laid

    def _link(self, number: int) -> Link:
        here, trunk = self._base + 4 * number + 1, self._base + 4 * LINKS
        return Link(f"{self._run}{number}", here, here + 1, trunk + 2 + number)

    def _lay(self) -> None:
        """Raises NoNamespaces where the kernel, its modules or this host's own rules do not let it be."""
        firewall, far, gateway = self._firewall, self._far, self._base + 4 * LINKS + 1
        run("ip", "netns", "add", firewall)
        run("ip", "netns", "add", far)
        run("ip", "-n", far, "link", "set", "lo", "up")
        run("ip", "-n", firewall, "link", "add", TRUNK, "type", "veth", "peer", "name", TRUNK, "netns", far)
        give(firewall, TRUNK, f"{gateway}/28")
        give(far, TRUNK, *(f"{link.far}/28" for link in self._links.values()))
        self._at_firewall("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for link in self._links.values():
            self._lay_link(link)
            run("ip", "-n", far, "route", "add", f"{link.here}/32", "via", str(gateway), "src", str(link.far))
        self._at_firewall("nft", ruleset(link.name for link in self._links.values()))
        for link in self._links.values():
            check(link)

    def _lay_link(self, link: Link) -> None:
        run("ip", "link", "add", link.name, "type", "veth", "peer", "name", link.name, "netns", self._firewall)
        run("ip", "address", "add", f"{link.here}/30", "dev", link.name)
        run("ip", "link", "set", link.name, "up")
        give(self._firewall, link.name, f"{link.firewall}/30")
        run("ip", "route", "add", f"{link.far}/32", "via", str(link.firewall))

    def _at_firewall(self, *command: str) -> str:
        return run(*inside(self._firewall), *command)


def enter(
    ends: ExitStack, clients: Sequence[str], wanted: Kind | None, say: Callable[[str], None]
) -> Namespaces | None:
    """They go with `ends`. None for the proxy, where that is wanted or nothing else can be had.

    Raises ProgramFailed where namespaces are wanted and cannot be had.
    """
    if wanted == "proxy":
        return None
    try:
        return ends.enter_context(Namespaces(clients))
    except NoNamespaces as error:
        if wanted is not None:
            raise ProgramFailed(f"no network namespaces: {error}") from error
        say(f"network faults go through a proxy; no namespaces: {error}")
        return None


def inside(namespace: str) -> tuple[str, ...]:
    """What a command begins with that is to run there; it takes the place of this beginning, so its number is its own."""
    return ("nsenter", f"--net={NETNS / namespace}", "--")


def give(namespace: str, link: str, *addresses: str) -> None:
    for address in addresses:
        run("ip", "-n", namespace, "address", "add", address, "dev", link)
    run("ip", "-n", namespace, "link", "set", link, "up")


def ruleset(names: Iterable[str]) -> str:
    """A chain for each link, empty as long as nothing is wrong with it."""
    chains = [(f"counter {name} {{}}; chain {name} {{}}", name) for name in names]
    jumps = "; ".join(f"iifname {name} jump {name}; oifname {name} jump {name}" for _, name in chains)
    hook = f"chain forward {{ type filter hook forward priority 0; {jumps}; }}"
    return f"table inet faults {{ {'; '.join(text for text, _ in chains)}; {hook}; }}"


def check(link: Link) -> None:
    """Nobody listens there yet, and exactly that comes back."""
    try:
        with socket.create_connection((str(link.far), 1), timeout=LIMIT_S):
            pass
    except ConnectionRefusedError:
        return
    except OSError as error:
        raise NoNamespaces(f"nothing comes back from {link.far}: {error}") from error


def sweep() -> None:
    """Remove what belongs to no process that is there."""
    for name, pid in ours():
        if not Path(f"/proc/{pid}").exists():
            remove(name)


def remove(beginning: str) -> None:
    """All links and namespaces with this beginning of their names; what cannot be removed does not keep the others."""
    links = [("ip", "link", "delete", name) for name in names(Path("/sys/class/net"), beginning)]
    for command in (*links, *(("ip", "netns", "delete", name) for name in names(NETNS, beginning))):
        with contextlib.suppress(NoNamespaces):
            run(*command)


def ours() -> set[tuple[str, str]]:
    found = (NAME.match(name) for folder in (NETNS, Path("/sys/class/net")) for name in names(folder, "bng"))
    return {(match[0], match[1]) for match in found if match}


def names(folder: Path, beginning: str) -> list[str]:
    return [path.name for path in folder.glob(f"{beginning}*")]


def run(*command: str) -> str:
    """What it prints. Raises NoNamespaces with what it complains of."""
    environment = os.environ | {"PATH": search_path()}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoNamespaces(str(error)) from error
    if done.returncode:
        raise NoNamespaces(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def search_path() -> str:
    """Debian keeps both programs in /usr/sbin, which is not on every user's PATH."""
    return os.environ.get("PATH", "") + SBIN
