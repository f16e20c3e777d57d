"""Log lines: a closed list of actions, one line each, readable by people and by grep."""

import logging
import shlex
from collections.abc import Iterator

import pytest

from bridge_common import log as logs
from bridge_common.log import log


@pytest.fixture
def _set_up() -> Iterator[None]:
    logger = logging.getLogger("bridge")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_an_action_that_is_not_listed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="rejoiced is not a listed action"):
        log("rejoiced")


@pytest.mark.usefixtures("_set_up")
def test_a_line_has_its_action_first_and_every_field_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.setup()
    log("settled", event="shop1/1.2", state="done", reason="")
    assert lines(capsys) == ['action=settled event=shop1/1.2 state=done reason=""']


@pytest.mark.usefixtures("_set_up")
@pytest.mark.parametrize("value", ["two words", 'say "no"', "a=b", "first\nsecond", "back\\slash and space"])
def test_a_value_of_any_form_stays_on_one_line(
    value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.setup()
    log("dead", error=value)
    (line,) = lines(capsys)
    action, error = shlex.split(line)
    assert action == "action=dead"
    assert error.removeprefix("error=").replace("\\n", "\n") == value


@pytest.mark.usefixtures("_set_up")
def test_debug_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup()
    log("unchanged", level=logging.DEBUG)
    assert lines(capsys) == []


@pytest.mark.usefixtures("_set_up")
@pytest.mark.parametrize(
    ("level", "priority"), [(logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 3)]
)
def test_under_systemd_a_line_carries_its_priority(
    level: int, priority: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    logs.setup()
    log("alert", level=level)
    assert lines(capsys) == [f"<{priority}>action=alert"]
