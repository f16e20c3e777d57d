"""A second agent with the same identity: the first one leaves with a sentence, the second carries on, nothing is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge_sandbox.process import Program, installed, wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import compare_books, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=2.0)


def test_the_first_agent_leaves_and_the_second_carries_on(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    first = stage.program("agent")
    for _ in range(5):
        stage.shop.checkout("simple")
    with second_agent(stage) as second:
        wait_until("the first agent to leave", lambda: not first.is_alive, timeout_s=20)
        # systemd/magento-agent.service does not start it again after this code.
        assert first.exit_code == 76
        assert "A second agent runs as shop1, and this one gives way: another agent of shop1" in first.last_lines()
        assert "Traceback" not in first.output()
        for _ in range(5):
            stage.shop.checkout("simple")
        assert wait_until_settled(stage).sales_orders == before + 10
        assert second.is_alive
    stage.start("agent")


def test_an_agent_that_was_killed_takes_its_own_place_again(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    for _ in range(2):
        stage.kill("agent")
        stage.start("agent")
        stage.wait_until_welcomed()
    stage.kill("broker")
    stage.start("broker")
    stage.shop.checkout("simple")
    assert wait_until_settled(stage).sales_orders == before + 1
    assert stage.program("agent").is_alive


@contextmanager
def second_agent(stage: Stage) -> Iterator[Program]:
    """Of the same site, with a state directory of its own, as on another host."""
    config = (stage.folder / "agent-shop1.toml").read_text()
    folder = stage.folder / "second"
    folder.mkdir()
    copy = folder / "agent.toml"
    copy.write_text(config.replace(str(stage.folder / "agent-shop1"), str(folder / "state")))
    program = Program("second-agent", [installed("magento-agent"), "run", "--config", str(copy)], folder)
    program.start()
    try:
        yield program
    finally:
        program.stop()
