"""`bridgectl map`, as a person and as a program use it. No daemon runs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.mappings import TEMPLATES

from bng_bridge.ctl.cli import main
from bng_bridge.mapping import templates

GOOD = "source: magento/order\ntarget: bng/sales_order\npartial: true\nfields:\n  ShipVia: order.state\n"
BAD = GOOD.replace("order.state", "order.stat")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bridgectl(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["map", *arguments], input=stdin)


def test_the_templates_are_clean_and_their_coverage_is_printed() -> None:
    assert templates.folder() == TEMPLATES
    checked, tested = bridgectl("check"), bridgectl("test")
    count = len(list(TEMPLATES.glob("*.yaml")))
    assert (checked.exit_code, tested.exit_code) == (0, 0)
    assert f"{count} of {count} files clean" in checked.output
    assert (
        "order-to-sales-order.yaml: 12 cases, all as expected; reached 70 of 70 rules, 5 of 5 table entries"
        in tested.output
    )


def test_a_mistake_is_one_line_with_file_line_and_column(here: Path) -> None:
    (here / "orders.yaml").write_text(BAD)
    (here / "good.yaml").write_text(GOOD)
    result = bridgectl("check", "orders.yaml", "good.yaml")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "orders.yaml:5:18: fields.ShipVia: magento/order has no field stat. Did you mean state?",
        "1 of 2 files clean",
    ]


def test_a_folder_stands_for_its_files(here: Path) -> None:
    (here / "good.yaml").write_text(GOOD)
    assert "1 of 1 files clean" in bridgectl("check", str(here)).output


def test_findings_for_programs(here: Path) -> None:
    (here / "orders.yaml").write_text(BAD)
    answer = json.loads(bridgectl("check", "--json", "orders.yaml").output)
    (finding,) = answer["findings"]
    assert (answer["ok"], answer["files"]) == (False, 1)
    assert (finding["file"], finding["line"], finding["column"], finding["field"]) == (
        "orders.yaml",
        5,
        18,
        "fields.ShipVia",
    )
    assert json.loads(bridgectl("check", "--json").output)["ok"]


def test_cases_that_differ_end_with_1(here: Path) -> None:
    (here / "orders.yaml").write_text(GOOD)
    (here / "orders").mkdir()
    (here / "orders" / "a.in.json").write_text('{"state": "new"}')
    (here / "orders" / "a.out.json").write_text('{"ShipVia": "old"}')
    result = bridgectl("test", "orders.yaml")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        'orders/a.in.json:1:1: a: ShipVia is "new", expected is "old".',
        "orders.yaml: 1 cases, 1 differences; reached 1 of 1 rules",
    ]
    answer = json.loads(bridgectl("test", "--json", "orders.yaml").output)
    assert (answer["ok"], answer["files"][0]["rules_reached"]) == (False, 1)


def test_what_no_case_reaches_is_listed(here: Path) -> None:
    (here / "orders.yaml").write_text(GOOD + "  Total: {expr: order.grand_total, when: order.grand_total}\n")
    (here / "orders").mkdir()
    (here / "orders" / "a.in.json").write_text('{"state": "new"}')
    (here / "orders" / "a.out.json").write_text('{"ShipVia": "new"}')
    assert "  not reached: orders.yaml:6:10 fields.Total" in bridgectl("test", "--missed", "orders.yaml").output


def test_a_sample_is_tried_with_the_context_of_its_folder_or_of_the_command(here: Path) -> None:
    (here / "orders.yaml").write_text(
        GOOD.replace("order.state", "zone").replace("fields", "context: {zone: text}\nfields")
    )
    (here / "sample.json").write_text("{}")
    result = bridgectl("try", "orders.yaml", "sample.json", "--context", "zone=Europe/Berlin")
    assert (result.exit_code, json.loads(result.output)) == (0, {"ShipVia": "Europe/Berlin"})
    assert json.loads(bridgectl("try", "orders.yaml", "-", "--context", "zone=UTC", stdin="{}").output) == {
        "ShipVia": "UTC"
    }
    missing = bridgectl("try", "orders.yaml", "sample.json")
    assert (missing.exit_code, missing.output) == (1, "the context zone was not given (orders.yaml)\n")
    template = TEMPLATES / "order-to-sales-order.yaml"
    tried = bridgectl("try", str(template), str(template.with_suffix("") / "plain.in.json"))
    assert json.loads(tried.output)["OrderDate"] == "2026-03-01"


def test_a_file_with_mistakes_is_not_tried(here: Path) -> None:
    (here / "orders.yaml").write_text(BAD)
    (here / "sample.json").write_text("{}")
    result = bridgectl("try", "orders.yaml", "sample.json")
    assert result.exit_code == 1
    assert result.output.startswith("orders.yaml:5:18: ")


@pytest.mark.parametrize(
    "arguments",
    [("check", "none.yaml"), ("test", "none.yaml"), ("try", "good.yaml", "none.json"), ("try", "good.yaml"),
     ("check", "--schema", "good.yaml"), ("check", "--nonsense"), ("try", "good.yaml", "good.yaml", "--context", "x")],
)  # fmt: skip
def test_misuse_ends_with_64(here: Path, arguments: tuple[str, ...]) -> None:
    (here / "good.yaml").write_text(GOOD)
    assert bridgectl(*arguments).exit_code == 64


def test_help_teaches_with_an_example() -> None:
    assert "bridgectl map try my/orders.yaml order.json" in bridgectl("--help").output
    assert "Did you mean grand_total?" in bridgectl("check", "--help").output
    assert "CASE.out.json" in bridgectl("test", "--help").output
