"""An integrator's own cases: they can fail, and what they reach is counted."""

from pathlib import Path

import pytest

from bng_bridge.mapping.cases import differences
from bng_bridge.mapping.cases import test_file as run_cases
from bng_bridge.mapping.coverage import Coverage
from bng_bridge.mapping.mapping_file import load
from bng_bridge.mapping.schemas import Schemas
from bridge_common import decimal_json

FILE = """\
source: magento/customer
target: bng/customer
context: {external_id: text}
tables:
  segment: {1: RETAIL, 2: WHOLESALE}
fields:
  ExternalID: external_id
  Email: customer.email
  Segment: {expr: customer.group_id, lookup: segment}
  TaxID: {expr: customer.taxvat, when: customer.taxvat}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "customers.yaml"
    path.write_text(FILE)
    path.with_suffix("").mkdir()
    write(path, "context.json", '{"external_id": "x"}')
    return path


def write(path: Path, name: str, text: str) -> None:
    (path.with_suffix("") / name).write_text(text)


def found(path: Path) -> list[str]:
    return [finding.message for finding in run_cases(path, Schemas()).findings]


def test_a_case_that_agrees_is_no_finding(file: Path) -> None:
    write(file, "a.in.json", '{"email": "a@b.c", "group_id": 1}')
    write(file, "a.out.json", '{"ExternalID": "x", "Email": "a@b.c", "Segment": "RETAIL"}')
    assert found(file) == []


def test_a_case_that_differs_says_where(file: Path) -> None:
    write(file, "a.in.json", '{"email": "a@b.c", "group_id": 1}')
    write(file, "a.out.json", '{"ExternalID": "x", "Email": "d@e.f", "Phone": "1"}')
    assert found(file) == [
        'Email is "a@b.c", expected is "d@e.f"',
        "Phone is missing",
        'Segment is "RETAIL", and nothing is expected there',
    ]


def test_an_expected_error_has_to_come(file: Path) -> None:
    write(file, "a.in.json", '{"email": "a@b.c", "group_id": 7}')
    write(file, "a.error.txt", "Segment: 7 is not in table\nAdd it there\n")
    assert found(file) == []
    write(file, "a.error.txt", "something else\n")
    assert "does not contain 'something else'" in found(file)[0]
    write(file, "a.in.json", '{"email": "a@b.c", "group_id": 1}')
    assert found(file) == ["is mapped, and an error is expected"]


def test_an_unexpected_error_is_a_finding(file: Path) -> None:
    write(file, "a.in.json", '{"email": "a@b.c", "group_id": 7}')
    write(file, "a.out.json", "{}")
    assert found(file)[0].startswith("Segment: 7 is not in table segment (customers.yaml:9)")


def test_a_case_has_a_context_of_its_own(file: Path) -> None:
    write(file, "a.in.json", '{"email": null, "group_id": 2}')
    write(file, "a.context.json", '{"external_id": "y"}')
    write(file, "a.out.json", '{"ExternalID": "y", "Email": null, "Segment": "WHOLESALE"}')
    assert found(file) == []


@pytest.mark.parametrize("files", [{}, {"a.out.json": "{}", "a.error.txt": "x"}, {"a.out.json": "{"}])
def test_a_case_that_is_not_whole_is_a_finding(file: Path, files: dict[str, str]) -> None:
    write(file, "a.in.json", '{"group_id": 1}')
    for name, text in files.items():
        write(file, name, text)
    assert len(found(file)) == 1


def test_a_context_that_is_no_object_is_a_finding_of_each_case(file: Path) -> None:
    write(file, "a.in.json", "{}")
    write(file, "a.out.json", "{}")
    write(file, "context.json", "[]")
    assert "context.json is no JSON object" in found(file)[0]


def test_a_file_without_cases_is_a_finding(file: Path) -> None:
    assert found(file)[0].startswith("no cases: put CASE.in.json and CASE.out.json into")


def test_rules_and_entries_that_no_case_reaches_are_named(file: Path) -> None:
    write(file, "a.in.json", '{"email": "a@b.c", "group_id": 1}')
    write(file, "a.out.json", '{"ExternalID": "x", "Email": "a@b.c", "Segment": "RETAIL"}')
    coverage = run_cases(file, Schemas()).coverage
    assert coverage.counts() == ((3, 4), (1, 2))
    assert [(mark.at.line, mark.name) for mark in coverage.missed()] == [(5, "tables.segment.2"), (10, "fields.TaxID")]


def test_counting_changes_nothing_of_what_comes_out(file: Path) -> None:
    document = {"email": "a@b.c", "group_id": 1, "taxvat": "DE1"}
    assert load(file)(document, external_id="x") == load(file, coverage=Coverage())(document, external_id="x")


def test_a_pair_that_does_not_lead_back_is_found(file: Path) -> None:
    back = file.with_name("back.yaml")
    head = "source: bng/customer\ntarget: magento/customer\npartial: true\n"
    back.write_text(head + "fields: {email: lower(customer.Email)}\n")
    file.write_text(FILE + "round_trip: {back: back.yaml, fields: [email, group_id]}\n")
    write(file, "a.in.json", '{"email": "A@b.c", "group_id": 1}')
    write(file, "a.out.json", '{"ExternalID": "x", "Email": "A@b.c", "Segment": "RETAIL"}')
    assert found(file) == [
        "email is 'A@b.c', and 'a@b.c' after the way back through back.yaml",
        "group_id is 1, and None after the way back through back.yaml",
    ]
    back.write_text(head + "tables: {group: {reverse_of: segment, in: customers.yaml}}\n"
                    "fields: {email: customer.Email, group_id: {expr: customer.Segment, lookup: group}}\n")  # fmt: skip
    assert found(file) == []


def test_numbers_of_one_value_are_equal_and_true_is_no_number() -> None:
    one, other = decimal_json.loads('{"a": [1.50, 2]}'), decimal_json.loads('{"a": [1.5, 2.0]}')
    assert list(differences(one, other)) == []
    assert list(differences({"a": 1}, {"a": True})) == ["a is true, expected is 1"]
    assert list(differences([1], [1, 2])) == ["the document is [1,2], expected is [1]"]
