"""What became of each write, on disk."""

from pathlib import Path

import pytest

from bridge_common.errors import ConfigError
from magento_agent.answers import Answers, Known

DONE = {"id": "a", "state": "done", "status": 200, "body": "7"}
UNSENT = {"id": "a", "state": "failed", "kind": "unsent", "error": "refused"}
UNKNOWN = {"id": "a", "state": "failed", "kind": "unknown", "error": "timeout"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.sqlite"


def test_a_request_runs_then_has_its_answer(path: Path) -> None:
    answers = Answers(path)
    assert answers.find("a") is None
    answers.begin("a", "POST", "/V1/order/7/ship")
    assert answers.find("a") == Known("running", None, is_unsent=False)
    answers.finish("a", DONE)
    assert answers.find("a") == Known("done", DONE, is_unsent=False)
    answers.close()


def test_a_request_is_begun_once(path: Path) -> None:
    answers = Answers(path)
    answers.begin("a", "POST", "/V1/order/7/ship")
    with pytest.raises(ValueError, match="begun before"):
        answers.begin("a", "POST", "/V1/order/7/ship")
    answers.finish("a", UNKNOWN)
    with pytest.raises(ValueError, match="begun before"):
        answers.begin("a", "POST", "/V1/order/7/ship")
    answers.close()


def test_only_one_that_surely_was_not_sent_may_be_begun_again(path: Path) -> None:
    answers = Answers(path)
    answers.begin("a", "POST", "/V1/order/7/ship")
    answers.finish("a", UNSENT)
    answers.begin("a", "POST", "/V1/order/7/ship")
    assert answers.find("a") == Known("running", None, is_unsent=False)
    answers.close()


def test_what_ran_at_the_end_is_interrupted_at_the_next_start(path: Path) -> None:
    answers = Answers(path)
    answers.begin("a", "POST", "/V1/order/7/ship")
    answers.begin("b", "POST", "/V1/order/8/ship")
    answers.finish("b", DONE)
    answers.close()
    answers = Answers(path)
    assert answers.find("a") == Known("interrupted", None, is_unsent=False)
    assert answers.find("b") == Known("done", DONE, is_unsent=False)
    answers.close()


def test_old_answers_are_forgotten_but_not_what_runs(path: Path) -> None:
    answers = Answers(path)
    answers.begin("a", "POST", "/V1/order/7/ship")
    answers.begin("b", "POST", "/V1/order/8/ship")
    answers.finish("b", DONE)
    answers.forget(3600)
    assert answers.find("b") is not None
    answers.forget(-1)
    assert answers.find("b") is None
    assert answers.find("a") is not None
    answers.close()


def test_the_file_is_for_the_service_only(path: Path) -> None:
    Answers(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="newer magento-agent"):
        Answers(path)


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Answers(tmp_path / "missing" / "gateway.sqlite")
    assert "state_dir" in caught.value.hint
