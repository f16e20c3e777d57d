"""Every way into the dead letters names what to do: a command with the event's number, or a place in the configuration."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bng_bridge import retry
from bng_bridge.bng.refusals import HINTS
from bng_bridge.config import Site
from bng_bridge.ctl.dead_letters import dlq
from bridge_common import errors

BRIDGE = Path(retry.__file__).parent
LASTING = {"InvalidEvent", "MappingError", "RejectedByTarget", "IdentityChanged"}
FILES = [
    path for part in ("flows", "mapping", "magento", "bng", "deliver.py")
    for path in ([BRIDGE / part] if part.endswith(".py") else sorted((BRIDGE / part).glob("*.py")))
]  # fmt: skip
COMMAND = re.compile(r"bridgectl dlq (\w+) \{event\}( --reason TEXT)?")


def spelled(tree: ast.AST) -> Iterator[ast.expr]:
    """The hint of every lasting error that is made, and what is assigned to an error's hint."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LASTING:
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "hint")
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            yield from [node.value] if node.targets[0].attr == "hint" else []


def text_of(node: ast.expr) -> str:
    """Its literal text; what is put in when it runs is left out, `{{event}}` stands as `{event}` in it."""
    return "".join(str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))


def hints() -> Iterator[tuple[str, str]]:
    """Place and text."""
    for path in FILES:
        for hint in spelled(ast.parse(path.read_text())):
            if isinstance(hint, ast.Constant | ast.JoinedStr):
                yield f"{path.name}:{hint.lineno}", text_of(hint)
    for problem, text in HINTS.items():
        yield f"problem {problem}", text


def test_there_are_hints_to_look_at() -> None:
    assert len(list(hints())) > 15


@pytest.mark.parametrize(("place", "hint"), list(hints()), ids=lambda value: value if len(value) < 30 else "")
def test_a_hint_names_a_command_or_a_place_in_the_configuration(place: str, hint: str) -> None:
    commands = COMMAND.findall(hint)
    assert commands or re.search(r"\[(sites|bng)[.\]]", hint), f"{place}: {hint}"
    assert {name for name, _ in commands} <= set(dlq.commands)
    assert all(reason for name, reason in commands if name == "discard"), "discard needs a reason"


@pytest.mark.parametrize(
    "error",
    [
        *(getattr(errors, name)("x") for name in sorted(LASTING)),
        errors.DependencyMissing("x"), errors.RateLimited("x"), errors.TargetUnavailable("x"), KeyError("x"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_has_no_hint_of_its_own_gets_a_command(error: Exception) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    decision = retry.decide(error, attempts=99, since=datetime(2026, 1, 1, tzinfo=UTC), now=now)
    assert (decision.outcome, "bridgectl dlq retry {event}" in decision.hint) == ("dead", True)


def test_options_that_hints_name_exist() -> None:
    assert {"generic_customer_id", "offline_methods"} <= set(Site.model_fields)
