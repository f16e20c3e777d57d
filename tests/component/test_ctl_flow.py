"""`bridgectl flow`, as a person and as a program use it. No daemon runs."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.component.test_flow_reload import MAPPED_CHANNEL, NAME, SHIPPED, WITH_CHANNEL

from bng_bridge.ctl.cli import main
from bng_bridge.flow_files import templates

ORDERS = f"{NAME}.yaml"
BAD = SHIPPED.replace("order.state == 'canceled'", "order.stat == 'canceled'")
CASE = '{"document": {"entity_id": 74, "increment_id": "000000074", "customer_id": 5, "state": "new"}}'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bridgectl(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["flow", *arguments], input=stdin)


def test_the_shipped_flows_are_clean_and_their_cases_reach_every_step() -> None:
    checked, tested = bridgectl("check"), bridgectl("test", "--json")
    assert (checked.exit_code, tested.exit_code) == (0, 0)
    assert re.search(r"(\d+) of \1 files clean", checked.output)
    files = json.loads(tested.output)["files"]
    assert [Path(each["file"]).name for each in files] == sorted(
        each.name for each in templates.folder().glob("*.yaml")
    )
    assert [each["file"] for each in files if each["rules"] != each["rules_reached"]] == []


def test_a_mistake_is_one_line_with_file_line_and_column(here: Path) -> None:
    (here / ORDERS).write_text(BAD)
    line = BAD[: BAD.index("order.stat ==")].count("\n") + 1
    result = bridgectl("check", ORDERS)
    assert (result.exit_code, result.output.splitlines()[-1]) == (1, "0 of 1 files clean")
    assert result.output.startswith(f"{ORDERS}:{line}:17: steps.15: magento/order has no field stat. Did you mean")


def test_files_are_held_to_each_other_and_to_mappings_of_one_s_own(here: Path) -> None:
    (here / "flows").mkdir()
    (here / "mappings").mkdir()
    (here / "flows" / ORDERS).write_text(SHIPPED)
    (here / "mappings" / ORDERS).write_text(MAPPED_CHANNEL)
    refused = bridgectl("check", "flows", "--mappings", "mappings")
    assert (refused.exit_code, "the flow gives no channel to order-to-sales-order.yaml" in refused.output) == (1, True)
    (here / "flows" / ORDERS).write_text(WITH_CHANNEL)
    assert bridgectl("check", "flows", "--mappings", "mappings").exit_code == 0
    checked = CliRunner().invoke(main, ["map", "check", f"mappings/{ORDERS}", "--flows", "flows"])
    assert checked.exit_code == 0, checked.output
    assert CliRunner().invoke(main, ["map", "check", f"mappings/{ORDERS}"]).exit_code == 1


def test_a_folder_stands_for_its_files_and_those_of_sites(here: Path) -> None:
    (here / "flows" / "shop1").mkdir(parents=True)
    (here / "flows" / ORDERS).write_text(SHIPPED)
    (here / "flows" / "shop1" / ORDERS).write_text(SHIPPED)
    assert "2 of 2 files clean" in bridgectl("check", "flows").output


def test_findings_for_programs(here: Path) -> None:
    (here / ORDERS).write_text(BAD)
    answer = json.loads(bridgectl("check", "--json", ORDERS).output)
    (finding,) = answer["findings"]
    assert (answer["ok"], answer["files"], finding["file"], finding["column"]) == (False, 1, ORDERS, 17)


def test_a_case_that_fails_says_where_it_differs_and_what_was_not_reached(here: Path) -> None:
    (here / ORDERS).write_text(
        "on: {event: magento/order, ordered_by: order}\nsteps:\n- skip: no\n  when: order.state\n- end: a\n"
    )
    (here / NAME).mkdir()
    (here / NAME / "one.in.json").write_text(CASE)
    (here / NAME / "one.out.json").write_text('{"outcome": "done", "writes": [{"create": "bng/customer"}]}')
    result = bridgectl("test", ORDERS, "--missed")
    assert result.exit_code == 1
    assert f'{NAME}/one.in.json:1:1: one: outcome is "skipped", expected is "done".' in result.output
    assert "writes is [], expected is" in result.output
    assert f"{ORDERS}: 1 cases, 2 differences; reached 1 of 2 rules" in result.output
    assert "not reached: order-to-sales-order.yaml:5:3 steps.2 end" in result.output


def test_an_error_case_holds_the_failure_to_its_lines(here: Path) -> None:
    (here / ORDERS).write_text("on: {event: magento/order, ordered_by: order}\nsteps: [{hold: not yet, hint: wait}]\n")
    (here / NAME).mkdir()
    (here / NAME / "one.in.json").write_text(CASE)
    (here / NAME / "one.error.txt").write_text("DependencyMissing: not yet\nwait\n")
    assert bridgectl("test", ORDERS).exit_code == 0
    (here / NAME / "one.error.txt").write_text("never\n")
    assert "does not contain 'never'" in bridgectl("test", ORDERS).output


def test_a_case_that_is_none_is_told_and_files_without_cases_too(here: Path) -> None:
    (here / ORDERS).write_text(SHIPPED)
    assert "no cases: put CASE.in.json and CASE.out.json into" in bridgectl("test", ORDERS).output
    (here / NAME).mkdir()
    (here / NAME / "one.in.json").write_text('{"documnt": {}}')
    assert "has either one.out.json or one.error.txt beside it" in bridgectl("test", ORDERS).output
    (here / NAME / "one.out.json").write_text("{}")
    assert "cannot be run: a case is an object with document" in bridgectl("test", ORDERS).output


def test_try_prints_what_the_flow_would_do(here: Path) -> None:
    (here / ORDERS).write_text(
        "on: {event: magento/order, ordered_by: order}\nsteps:\n"
        "- update: bng/sales_order\n  fields: {ShipVia: order.state}\n"
    )
    result = bridgectl("try", ORDERS, "-", stdin=CASE)
    assert result.exit_code == 0
    assert json.loads(result.output)["writes"] == [
        {"update": "bng/sales_order", "of": "74", "body": {"ShipVia": "new"}}
    ]


def test_try_ends_with_1_where_the_flow_fails_or_waits_and_with_64_for_no_case(here: Path) -> None:
    (here / ORDERS).write_text("on: {event: magento/order, ordered_by: order}\nsteps: [{hold: not yet}]\n")
    waits = bridgectl("try", ORDERS, "-", stdin=CASE)
    assert (waits.exit_code, json.loads(waits.output)["reason"]) == (1, "not yet")
    misuse = bridgectl("try", ORDERS, "-", stdin="[]")
    assert (misuse.exit_code, "a case is an object with document" in misuse.output) == (64, True)
    (here / ORDERS).write_text(BAD)
    assert bridgectl("try", ORDERS, "-", stdin=CASE).exit_code == 1


def test_a_mapping_that_there_is_not_is_told_by_test_and_try_too(here: Path) -> None:
    (here / ORDERS).write_text(SHIPPED.replace("mapping: order-to-customer", "mapping: order-to-custmer", 1))
    (here / NAME).mkdir()
    (here / NAME / "one.in.json").write_text(CASE)
    (here / NAME / "one.out.json").write_text("{}")
    for command in (("test", ORDERS), ("try", ORDERS, f"{NAME}/one.in.json")):
        result = bridgectl(*command)
        assert (result.exit_code, "there is no mapping order-to-custmer." in result.output) == (1, True)


def test_a_file_that_is_not_there_is_misuse() -> None:
    assert bridgectl("check", "none.yaml").exit_code == 64


def test_a_site_s_own_flow_is_tested_as_that_site_given_alone_or_with_all(here: Path) -> None:
    own, cases = here / "flows" / "shop2" / ORDERS, here / "flows" / "shop2" / NAME
    cases.mkdir(parents=True)
    (here / "mappings" / "shop2").mkdir(parents=True)
    (here / "flows" / ORDERS).write_text(SHIPPED)
    (here / "flows" / NAME).mkdir()
    own.write_text("on: {event: magento/order, ordered_by: order}\nsteps: [{skip: '{site.name}'}]\n")
    for folder, wanted in ((cases, '{"reason": "shop2"}'), (here / "flows" / NAME, '{"outcome": "done"}')):
        (folder / "one.in.json").write_text('{"document": {}}')
        (folder / "one.out.json").write_text(wanted)
    assert "reason is" not in bridgectl("test", "flows", "--mappings", "mappings").output
    assert bridgectl("test", f"flows/shop2/{ORDERS}", "--mappings", "mappings").exit_code == 0
