"""One stage per test module: a start takes some seconds. Set PLAN in a module to play another one.

Its folder is kept, and named in the output, when a test of the module failed.
"""

from collections.abc import Iterator

import pytest

from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    default: Plan = getattr(request.module, "PLAN", Plan())
    plan: Plan = getattr(request, "param", default)
    failed_before = request.session.testsfailed
    with Stage(plan, say=print) as stage:
        yield stage
        stage.keep = request.session.testsfailed > failed_before
