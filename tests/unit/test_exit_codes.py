"""What a mistake on the command line ends with: a number that monitoring and scripts go by."""

import click
import pytest
from click.testing import CliRunner

from bng_bridge.cli import main as bng_bridge
from bng_bridge.ctl.cli import main as bridgectl
from bridge_sandbox.cli import main as sandbox
from magento_agent.cli import main as magento_agent

MISUSE = {
    "an unknown option": ["--nonsense"],
    "an unknown command": ["nonsense"],
    "an option that its command does not have": ["{command}", "--nonsense"],
}


@pytest.mark.parametrize("arguments", MISUSE.values(), ids=MISUSE)
@pytest.mark.parametrize(
    ("program", "command", "code"),
    [(bridgectl, "status", 64), (bng_bridge, "run", 2), (magento_agent, "run", 2), (sandbox, "demo", 2)],
    ids=["bridgectl", "bng-bridge", "magento-agent", "bridge-sandbox"],
)
def test_misuse_ends_with_64_of_bridgectl_whose_2_means_down_and_with_2_of_the_others(
    program: click.Command, command: str, code: int, arguments: list[str]
) -> None:
    result = CliRunner().invoke(program, [each.format(command=command) for each in arguments])
    assert (result.exit_code, result.stdout) == (code, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["dlq", "retry"],
        ["replay", "--since", "yesterday"],
        ["pause"],
        ["ledger", "--days", "0"],
        ["map"],
    ],
    ids=" ".join,
)
def test_a_command_of_bridgectl_that_is_misused_ends_with_64(arguments: list[str]) -> None:
    assert CliRunner().invoke(bridgectl, arguments).exit_code == 64
