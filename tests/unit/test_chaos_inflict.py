"""A fault counts when somebody met it: each function says so itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from bridge_sandbox.chaos.ground import Ground
from bridge_sandbox.chaos.inflict import inflict
from bridge_sandbox.chaos.run import Options, Trial
from bridge_sandbox.chaos.schedule import Fault

FORGED = Fault(1.0, "webhooks_forged", 0.0)
TRUNCATED = Fault(1.0, "outbox_truncated", 0.0)
KILLED = Fault(1.0, "kill_bridge", 0.0)
LATE = Fault(1.0, "bng_cut_after", 0.0, {"count": 2, "path": "/customers"})


class Stage:
    """Of a stage only what these faults touch; the load is over, so nothing is waited for."""

    def __init__(self, *, hits: int = 0, rows: int = 0) -> None:
        self.site, self.rows, self.hits = "shop1", rows, hits
        self.shops: dict[str, Any] = {"shop1": None}
        self.plan = SimpleNamespace(bng=SimpleNamespace(creates_by="PUT"), timeout_s=1.0)
        self.bng = SimpleNamespace(
            fault=lambda _kind, **_options: 1,
            fault_hits=lambda _number: self.hits,
            release=lambda _number: None,
            webhook_faults=self._webhook_faults,
        )
        self.mariadb = self
        self.truncated = 0
        self._forged = 0

    def api(self, _site: str) -> None:
        return None

    def execute_root(self, sql: str) -> list[dict[str, Any]]:
        self.truncated += sql.startswith("TRUNCATE")
        return [{"n": self.rows}]

    def _webhook_faults(self, **switches: int) -> dict[str, Any]:
        done = {"done": {"forged": self._forged}}
        self._forged += self.hits * bool(switches)
        return done


class Guard:
    def __init__(self, *, was_up: bool) -> None:
        self._was_up = was_up

    @contextmanager
    def down(self, _name: str, _for_s: float) -> Iterator[bool]:
        yield self._was_up

    @contextmanager
    def spared(self, _name: str) -> Iterator[None]:
        yield


def over() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def ground(stage: Stage, *, was_up: bool = True) -> Ground:
    return Ground(stage, None, Guard(was_up=was_up), over())  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [FORGED, LATE], ids=lambda fault: fault.kind)
@pytest.mark.parametrize("hits", [0, 1])
def test_a_fault_of_the_other_side_counts_when_it_was_met(fault: Fault, hits: int) -> None:
    assert inflict(fault, ground(Stage(hits=hits))) is bool(hits)


@pytest.mark.parametrize("rows", [0, 3])
def test_an_outbox_is_emptied_only_of_rows(rows: int) -> None:
    stage = Stage(rows=rows)
    assert inflict(TRUNCATED, ground(stage)) is bool(rows)
    assert stage.truncated == bool(rows)


@pytest.mark.parametrize("was_up", [False, True])
def test_a_kill_counts_when_there_was_somebody_to_kill(was_up: bool) -> None:
    assert inflict(KILLED, ground(Stage(), was_up=was_up)) is was_up


@pytest.mark.parametrize("hits", [0, 1])
@pytest.mark.parametrize(("clients", "broken"), [(("bridge", "bng"), "bng"), (("bridge",), "bridge")])
def test_a_network_is_broken_for_its_client_until_somebody_met_it(
    clients: tuple[str, ...], broken: str, hits: int
) -> None:
    """A proxy has no way to BNG, and breaks the bridge's to the broker in its place."""
    done: list[tuple[str, ...]] = []

    def lose(*what: str) -> None:
        done.append(what)

    def met(client: str) -> int:
        return hits * bool(done) * (client == broken)

    net = SimpleNamespace(clients=clients, lose=lose, met=met, heal=lambda client: done.append((client,)))
    place = Ground(Stage(), net, Guard(was_up=True), over())  # type: ignore[arg-type]
    fault = Fault(1.0, "network_one_way", 0.0, {"client": "bng", "direction": "up"})
    assert inflict(fault, place) is bool(hits)
    assert done == [(broken, "up"), (broken,)]


@pytest.mark.parametrize("hits", [0, 1])
def test_a_fault_that_met_nobody_is_not_counted_as_inflicted(hits: int) -> None:
    trial = Trial(Options(1, 1), ground(Stage(hits=hits)), print)
    trial._inflict(LATE)  # noqa: SLF001
    assert (dict(trial._inflicted), dict(trial._unmet)) == (  # noqa: SLF001
        ({"bng_cut_after": 1}, {}) if hits else ({}, {"bng_cut_after": 1})
    )
    assert not trial._failed  # noqa: SLF001
