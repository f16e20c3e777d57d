"""The supervisor starts again what systemd would, by the units that are shipped."""

import configparser
import signal
from pathlib import Path

import pytest

from bridge_sandbox.chaos.supervisor import PREVENTED, is_left_alone

UNITS = {"agent": "magento-agent.service", "bridge": "bng-bridge.service"}
FOLDER = Path(__file__).parents[2] / "systemd"


@pytest.mark.parametrize("program", UNITS)
def test_what_stays_down_is_what_the_unit_says(program: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string((FOLDER / UNITS[program]).read_text(encoding="utf-8"))
    assert unit["Service"]["Restart"] == "on-failure"
    assert {int(code) for code in unit["Service"]["RestartPreventExitStatus"].split()} == PREVENTED[program]


@pytest.mark.parametrize(
    ("name", "exit_code", "stays_down"),
    [
        ("agent-shop1", 76, True),
        ("agent-shop2", 78, True),
        ("agent-shop1", 70, False),
        ("agent-shop1", -signal.SIGKILL, False),
        ("bridge", 76, False),
        ("bridge", 78, True),
        ("bridge", 0, True),
        ("bridge", -signal.SIGTERM, True),
    ],
)
def test_a_daemon_is_judged_by_its_own_unit(name: str, exit_code: int, stays_down: bool) -> None:
    assert is_left_alone(name, exit_code) is stays_down
