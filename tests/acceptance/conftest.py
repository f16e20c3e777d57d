"""One stage per test module and plan: a start takes some seconds. Set PLAN, or PLANS by name, in a module to play others.

A test marked `every_mode` runs four times: the shop captured by its triggers or over REST, and written into through the
agent or directly; all others with the module's own plans. The stage's folder is kept, and named in the output, when a test
of the module failed.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    failed_before = request.session.testsfailed
    with Stage(request.param, say=print) as stage:
        yield stage
        stage.keep = request.session.testsfailed > failed_before


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "stage" in metafunc.fixturenames and "stage" not in named:
        plans: dict[str, Plan] = getattr(
            metafunc.module, "PLANS", {"default": getattr(metafunc.module, "PLAN", Plan())}
        )
        if metafunc.definition.get_closest_marker("every_mode"):
            plans = plans | other_modes(next(iter(plans.values())))
        metafunc.parametrize("stage", plans.values(), ids=plans, indirect=True, scope="module")


def other_modes(plan: Plan) -> dict[str, Plan]:
    """Beside the one with triggers and an agent that writes."""
    return {
        "hosted": replace(plan, hosted=plan.sites),
        "direct": replace(plan, direct=plan.sites),
        "hosted-direct": replace(plan, hosted=plan.sites, direct=plan.sites),
    }
