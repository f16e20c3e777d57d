"""The end of a program: a known error is one sentence and its exit code, a bug keeps its traceback."""

import asyncio
import errno
import io
import os
import signal

import pytest

from bridge_common import service, topics
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    ConfigError,
    MappingError,
    OutcomeUnknown,
    RateLimited,
    TargetUnavailable,
)


async def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 78),
        (TargetUnavailable("x"), 69),
        (RateLimited("x"), 69),
        (AccessDenied("x"), 77),
        (MappingError("x"), 70),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_that_is_known_by_name_ends_with_its_code(error: BridgeError, code: int) -> None:
    with pytest.raises(SystemExit) as ended:
        service.run(fail(error))
    assert ended.value.code == code


def test_its_sentence_and_hint_are_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        service.run(fail(ConfigError("The file is wrong.", hint="Mend it.")))
    assert capsys.readouterr().err == "The file is wrong. Mend it.\n"


def test_a_known_error_inside_groups_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    inner = ExceptionGroup("inner", [AccessDenied("Denied."), ConfigError("Wrong.")])
    with pytest.raises(SystemExit) as ended:
        service.run(fail(ExceptionGroup("outer", [inner])))
    assert (ended.value.code, capsys.readouterr().err) == (77, "Denied.\n")


def test_a_bug_beside_a_known_error_keeps_its_traceback() -> None:
    with pytest.raises(ExceptionGroup) as ended:
        service.run(fail(ExceptionGroup("x", [ConfigError("Wrong."), KeyError("bug")])))
    assert ended.group_contains(KeyError)


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(KeyError):
        service.run(fail(KeyError("bug")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_daemon_end_itself(number: signal.Signals) -> None:
    drained: list[bool] = []

    async def main(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
        drained.append(True)

    service.run_daemon(main, name="test")
    assert drained == [True]


def test_an_answered_error_says_that_the_target_is_there() -> None:
    assert OutcomeUnknown("answered 500", answered=True).answered
    assert not OutcomeUnknown("no answer").answered


def test_a_topic_splits_into_what_it_was_made_of() -> None:
    assert topics.split(topics.topic("shop1", topics.EVENTS)) == ("shop1", "up/events")


@pytest.mark.parametrize("foreign", ["", "a/b", "bng-bridge/v1/", "bng-bridge/v1/shop1", "bng-bridge/v2/shop1/up/x"])
def test_a_topic_of_somebody_else_is_refused(foreign: str) -> None:
    with pytest.raises(ValueError, match="not one of the bridge's topics"):
        topics.split(foreign)


def test_the_code_does_not_depend_on_whether_the_sentence_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stderr", FullDisk())
    with pytest.raises(SystemExit) as ended:
        service.fail(TargetUnavailable("x"))
    assert ended.value.code == 69
