"""Looking on at a backfill: a line now and then, JSON lines for programs, over a restart of the bridge, and until Ctrl-C."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bng_bridge.ctl import backfill_follow
from bng_bridge.ctl.backfill_follow import INTERRUPTED, follow
from bng_bridge.ctl.connection import Daemon, DaemonUnreachable

BEGUN: dict[str, Any] = {
    "id": 7, "site": "shop1", "entity": "order", "from": "2025-01-01", "to": "2025-12-31", "state": "running",
    "total": None, "handed": 0, "settled": 0, "done": 0, "skipped": 0, "dead": 0, "sums": {}, "rate_per_s": 0.0,
    "eta_s": None, "trouble": "", "began_at": "2026-01-01T00:00:00Z", "began_by": "ida", "ended_at": None, "seconds": 1,
}  # fmt: skip
HALF = {**BEGUN, "total": 100, "handed": 70, "settled": 50, "done": 50, "rate_per_s": 5.0, "eta_s": 70}
DONE = {**BEGUN, "state": "done", "total": 100, "handed": 100, "settled": 100, "done": 100, "sums": {"EUR": "1.00"}}


class Answers(Daemon):
    """One after another; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers: Iterator[Any] = iter(answers)

    def get(self, path: str, *, timeout_s: float | None = None) -> Any:
        del timeout_s
        assert path == "/backfill/7"
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_S", "LINE_EVERY_S", "JSON_EVERY_S"):
        monkeypatch.setattr(backfill_follow, name, 0.0)


def test_for_programs_there_is_a_json_line_for_each_look_and_one_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(Answers(HALF, DONE), BEGUN, as_json=True) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["state"], line["settled"]) for line in lines] == [("running", 0), ("running", 50), ("done", 100)]


def test_without_a_terminal_there_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(Answers(HALF, DONE), BEGUN, as_json=False) == 0
    shown = capsys.readouterr()
    assert "running; 50/100, 50 done, 0 left out, 0 dead, 5/s, 1 min 10 s left" in shown.err
    assert "done; 100/100" in shown.out
    assert "bridgectl ledger --day 2025-12-31" in shown.out


def test_what_still_waits_when_all_is_handed_over_is_told_with_where_to_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert follow(Answers({**DONE, "settled": 97, "done": 97}), BEGUN, as_json=False) == 0
    assert "3 wait for something of their own: bridgectl queue --waiting" in capsys.readouterr().out


def test_a_bridge_that_dies_and_comes_back_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(Answers(DaemonUnreachable("away"), HALF, DONE), BEGUN, as_json=False) == 0
    assert "waits: the bridge does not answer; it goes on by itself when it is back" in capsys.readouterr().err


def test_one_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill_follow, "PATIENCE_S", -1.0)
    with pytest.raises(DaemonUnreachable):
        follow(Answers(DaemonUnreachable("away")), BEGUN, as_json=True)


def test_ctrl_c_ends_the_looking_on_and_says_how_to_stop_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(Answers(HALF, KeyboardInterrupt()), BEGUN, as_json=False) == INTERRUPTED
    assert "It goes on in the bridge." in (shown := capsys.readouterr().err)
    assert "bridgectl backfill pause 7" in shown


@pytest.mark.parametrize("ended", [{"dead": 1}, {"state": "paused"}, {"state": "cancelled"}])
def test_what_has_not_ended_well_ends_with_1(ended: dict[str, Any]) -> None:
    assert follow(Answers({**DONE, **ended}), BEGUN, as_json=True) == 1
