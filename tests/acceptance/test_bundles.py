"""A bundle from a developer's folder into a bridge in production, with orders; and a SIGKILL amid a deployment."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.support.mappings import TEMPLATES

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import installed, wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan()
NAME = "order-to-sales-order"
BOTH = {"upper": str.upper, "lower": str.lower}


def build(stage: Stage, function: str, *, expected: str = "", folder: str = "") -> Path:
    """A bundle that writes the way of shipping by `function`; its case fails when another one is expected."""
    mappings = stage.folder / (folder or f"{function}-{expected}") / "mappings"
    cases = mappings / NAME
    cases.mkdir(parents=True)
    (mappings / f"{NAME}.yaml").write_text(
        f"extends: {NAME}.yaml\nfields:\n  ShipVia: {function}(order.shipping_description)\n"
    )
    for name in ("context.json", "plain.in.json"):
        (cases / name).write_bytes((TEMPLATES / NAME / name).read_bytes())
    result = json.loads((TEMPLATES / NAME / "plain.out.json").read_bytes())
    result["ShipVia"] = BOTH[expected or function](result["ShipVia"])
    (cases / "plain.out.json").write_text(json.dumps(result))
    out = mappings.parent / "shop.bundle"
    force = ["--even-failing"] if expected else []
    answer = json.loads(stage.bridgectl("bundle", "build", "--mappings", str(mappings), *force, "--json", str(out)))
    assert (answer["packed"], answer["tests"]["passed"]) == (True, not expected)
    return out


def go_into_production(stage: Stage) -> None:
    config = stage.folder / "bridge.toml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("flows_dir")]
    config.write_text("\n".join('mode = "production"' if line.startswith("mappings_dir") else line for line in lines))
    stage.stop("bridge")
    stage.start("bridge")


def offline(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [installed("bng-bridge"), "bundle", *arguments, "--config", str(stage.folder / "bridge.toml")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def answers(stage: Stage) -> JsonObject:
    """The status of a bridge that has come up."""

    def asked() -> JsonObject | None:
        found = stage.bridgectl("status", "--json")
        return json.loads(found) if found.strip() else None

    found = wait_until("the bridge answers", asked, timeout_s=30)
    assert found is not None
    return found


def ship_via(stage: Stage) -> Callable[[str], bool]:
    """Of an order that is placed now: is it written by that function?"""
    order = stage.shop.checkout("simple")
    return was_shipped_via(stage, order)


def was_shipped_via(stage: Stage, order: JsonObject) -> Callable[[str], bool]:
    own = str(stage.api().get(f"/rest/V1/orders/{order['order_id']}")["shipping_description"])
    sold = wait_for_sales_order(stage, order)["ShipVia"]
    return lambda function: bool(sold == BOTH[function](own))


def test_a_bundle_is_promoted_into_production_one_with_failing_tests_refused_and_it_is_rolled_back(
    stage: Stage,
) -> None:
    upper, lower, failing = build(stage, "upper"), build(stage, "lower"), build(stage, "lower", expected="upper")

    go_into_production(stage)
    wait_until("it does not run without a bundle", lambda: stage.program("bridge").exit_code == 78, timeout_s=30)
    assert "No bundle is deployed, and in production nothing else counts." in stage.program("bridge").last_line()
    waiting = stage.shop.checkout("simple")
    refused = offline(stage, "deploy", str(failing))
    assert (refused.returncode, "built with failing tests" in refused.stderr) == (78, True)
    assert offline(stage, "deploy", str(upper)).returncode == 0
    stage.start("bridge")
    in_force = answers(stage)["mappings"]["bundle"]
    assert was_shipped_via(stage, waiting)("upper")

    assert json.loads(stage.bridgectl("bundle", "verify", "--json", str(failing)))["ok"] is False
    assert stage.bridgectl("bundle", "deploy", "--json", str(failing)) == ""
    assert answers(stage)["mappings"]["bundle"] == in_force
    assert ship_via(stage)("upper")

    answer = json.loads(stage.bridgectl("bundle", "deploy", "--json", "--note", "in lower case", str(lower)))
    assert (answer["is_new"], answer["previous"]) == (True, in_force)
    assert ship_via(stage)("lower")
    assert json.loads(stage.bridgectl("bundle", "rollback", "--json"))["identity"] == in_force
    assert ship_via(stage)("upper")
    history = json.loads(stage.bridgectl("bundle", "history", "--json"))["entries"]
    assert [each["action"] for each in history] == ["deploy", "deploy", "rollback"]
    wait_until_settled(stage)
    books = compare_books(stage)
    assert (books.sales_orders, answers(stage)["bridge"]["dead"]) == (4, 0)


@pytest.mark.parametrize("step", ["unpacking", "unpacked", "recorded"])
def test_a_bridge_that_is_killed_during_a_deployment_comes_up_with_the_old_or_the_new(stage: Stage, step: str) -> None:
    depot = stage.folder / "bridge" / "bundles"
    before = answers(stage)["mappings"]["bundle"]
    out = build(stage, "lower", folder=step)
    identity = json.loads(stage.bridgectl("bundle", "verify", "--json", str(out)))["identity"]
    # A step that was too short to be seen shows by the next one.
    signs = {
        "unpacking": (f".new-{identity}", identity), "unpacked": (identity,), "recorded": ("history.jsonl",),
    }[step]  # fmt: skip
    seen = inodes(depot, signs)
    command = [installed("bridgectl"), "--socket", str(stage.endpoints.bridgectl_socket), "bundle", "deploy", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        wait_until(step, lambda: inodes(depot, signs) - seen, timeout_s=30, poll_s=0.0005)
        stage.kill("bridge")
    stage.start("bridge")
    shown = answers(stage)["mappings"]
    assert shown["bundle"] in ([identity] if step == "recorded" else [before, identity])
    assert shown["refused"] == ""
    assert json.loads(stage.bridgectl("bundle", "deploy", "--json", str(out)))["identity"] == identity
    assert ship_via(stage)("lower")


def inodes(depot: Path, names: Iterable[str]) -> set[int]:
    found = set()
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            found.add((depot / name).stat().st_ino)
    return found
