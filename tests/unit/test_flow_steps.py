"""How steps run: in order, each where its condition holds; what fails may be caught, once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.flow_files import compiled
from tests.support.mappings import shipped

from bng_bridge import retry
from bng_bridge.bng.profile import PROBLEMS as PROFILE_PROBLEMS
from bng_bridge.config import Site
from bng_bridge.flow_files import failures, operations, rehearsal
from bng_bridge.flow_files.attempts import Write
from bng_bridge.flow_files.flow_file import Beginning
from bng_bridge.flow_files.records import RECORDS
from bng_bridge.flow_files.rehearsal import CaseError, rehearse
from bng_bridge.flow_files.steps import Asked, End
from bng_bridge.flows import writes
from bng_bridge.flows.keys import KEYS
from bng_bridge.flows.operations import OPERATIONS
from bng_bridge.flows.settings import settings_of
from bridge_common.errors import MappingError, Pace, RejectedByTarget, TargetUnavailable

ORDER = {
    "entity_id": 74, "increment_id": "000000074", "state": "new", "customer_id": 5, "created_at": "2026-03-02 03:15:00",
    "billing_address": {"lastname": "Brandt"},
}  # fmt: skip
CUSTOMER = "- name: customer\n  create: bng/customer\n  of: order.customer_id\n  mapping: order-to-customer\n"
OTHER = "{name: other, call: sales_order, with: {id: \"'1'\"}}"
CATCH = f"  catch:\n    - error: rejected-by-target\n      steps: [{OTHER}]\n"


def ran(steps: str, *, order: dict[str, Any] | None = None, **case: Any) -> dict[str, Any]:
    """What the flow would do: see rehearsal."""
    return rehearse(compiled(steps), shipped().mappings, {"document": ORDER | (order or {}), **case})


def writes_of(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(verb, record, failure)"""
    return [(*next(iter(each.items())), each.get("fails", "")) for each in told["writes"]]


def test_a_flow_that_passes_its_last_step_is_done() -> None:
    assert ran("- skip: never mind\n  when: order.state == 'holded'\n") == {
        "outcome": "done", "reason": "", "writes": [], "emits": [],
    }  # fmt: skip


def test_skip_and_end_say_why_and_nothing_behind_them_runs() -> None:
    for verb, outcome in (("skip", "skipped"), ("end", "done")):
        told = ran(
            f"- {verb}: order {{order.increment_id}} of {{order.coupon_code}} waits\n  when: order.state\n{CUSTOMER}"
        )
        assert (told["outcome"], told["reason"], told["writes"]) == (outcome, "order 000000074 of  waits", [])


def test_a_hold_is_waited_for_and_a_dead_letter_is_not() -> None:
    held = ran(
        "- hold: no\n  for: 2 min\n  hint: look at {order.increment_id}, event {event}\n  problem: awaiting-payment\n"
    )
    assert (held["outcome"], held["error"], held["hint"]) == (
        "postponed", "AwaitingPayment", "look at 000000074, event {event}",
    )  # fmt: skip
    dead = ran("- dead: no\n  problem: too-large\n")
    assert (dead["outcome"], dead["error"], dead["reason"]) == ("dead", "RefusedByFlow", "no")


def test_what_a_step_that_did_not_run_would_set_is_null_and_so_is_every_path_behind_it() -> None:
    steps = f"{CUSTOMER}  when: order.state == 'canceled'\n- skip: \"{{customer.id or 'none'}}\"\n"
    assert ran(steps)["reason"] == "none"
    assert ran(steps, order={"state": "canceled"})["reason"] == "(id of customer)"


def test_branches_may_set_the_same_name() -> None:
    steps = """\
- choose:
    - when: order.state == 'new'
      steps:
        - {name: found, call: sales_order, with: {id: "'1'"}}
    - steps:
        - {name: found, call: sales_order, with: {id: "'2'"}}
- skip: "{found.SalesOrderID or 'none'}"
"""
    assert ran(steps, answers={"found": {"SalesOrderID": "SO-1"}})["reason"] == "SO-1"
    assert ran(steps, order={"state": "holded"})["reason"] == "none"


def test_only_the_first_branch_that_holds_runs_and_none_is_no_failure() -> None:
    steps = """\
- choose:
    - when: order.state == 'new'
      steps: [{skip: first}]
    - when: order.state in ['new', 'holded']
      steps: [{skip: second}]
"""
    assert [ran(steps, order={"state": state})["reason"] for state in ("new", "holded", "closed")] == [
        "first",
        "second",
        "",
    ]


def test_a_call_with_an_argument_that_is_null_asks_nobody() -> None:
    steps = '- {name: found, call: sales_order, with: {id: order.ext_order_id}}\n- skip: "{found.SalesOrderID}"\n'
    answers = {"found": {"SalesOrderID": "SO-1"}}
    assert ran(steps, answers=answers)["reason"] == ""
    assert ran(steps, answers=answers, order={"ext_order_id": "1"})["reason"] == "SO-1"


@pytest.mark.parametrize(
    ("then", "outcome", "written"), [("again", "dead", 2), ("continue", "skipped", 1), ("end", "done", 1)]
)
def test_what_is_caught_is_tried_again_once_or_passed_or_ends_the_flow(then: str, outcome: str, written: int) -> None:
    steps = f"{CUSTOMER}{CATCH}      then: {then}\n- skip: passed\n"
    told = ran(steps, answers={"customer": {"fails": "validation"}})
    assert (told["outcome"], len(told["writes"])) == (outcome, written)


def test_a_second_try_that_succeeds_goes_on() -> None:
    answers = {"customer": [{"fails": "validation"}, {"id": "C-1", "action": "created"}]}
    assert ran(f"{CUSTOMER}{CATCH}      then: again\n- skip: '{{customer.id}}'\n", answers=answers)["reason"] == "C-1"


@pytest.mark.parametrize(
    ("caught", "failure", "is_caught"),
    [
        ("rejected-by-target", "validation", True), ("validation", "validation", True), ("absent", "validation", False),
        ("dependency-missing", "dependency-missing", True), ("rejected-by-target", "target-unavailable", False),
        ("rejected-by-target", "outcome-unknown", False),
    ],
)  # fmt: skip
def test_a_catch_takes_what_it_names(caught: str, failure: str, is_caught: bool) -> None:
    steps = f"{CUSTOMER}  catch: [{{error: {caught}, then: end}}]\n"
    assert (ran(steps, answers={"customer": {"fails": failure}})["outcome"] == "done") == is_caught


def test_a_catch_s_condition_and_steps_know_the_failure_and_may_raise_it_with_another_hint() -> None:
    steps = f"""{CUSTOMER}  catch:
    - error: rejected-by-target
      when: error.problem == 'validation'
      steps:
        - raise: error
          hint: mind {{error.kind}} {{error.problem}}
"""
    told = ran(steps, answers={"customer": {"fails": "validation", "message": "no"}})
    assert (told["error"], told["reason"], told["hint"]) == (
        "RejectedByTarget",
        "no",
        "mind RejectedByTarget validation",
    )
    assert ran(steps, answers={"customer": {"fails": "absent"}})["hint"] == ""


def test_fields_beside_a_mapping_stand_in_place_of_its_own() -> None:
    (made,) = ran(
        f"{CUSTOMER}  fields: {{LastName: {{default: Berg}}, Status: {{default: x, when: order.coupon_code}}}}\n"
    )["writes"]
    assert (made["body"]["LastName"], "Status" in made["body"], made["body"]["ExternalID"]) == (
        "Berg",
        False,
        "shop1-5",
    )


def test_reads_that_end_the_flow_let_nothing_be_written() -> None:
    """No file can say so; were it to, what is under way in the record's lock has to fail."""
    flow = compiled(CUSTOMER)
    (write,) = flow._steps  # noqa: SLF001
    assert isinstance(write, Write)
    end = End(at=write.at, place="steps.1.reads.1", outcome="skipped", text=lambda _: "no")
    flow = replace(flow, _steps=(replace(write, reads=(end,)),))
    told = rehearse(flow, shipped().mappings, {"document": ORDER})
    assert (told["outcome"], told["reason"]) == ("dead", "the reads of steps.customer end the flow, and they only read")


def test_an_expression_that_does_not_work_says_step_and_line() -> None:
    with pytest.raises(MappingError, match=r"^steps.1: .*\(flow.yaml:5\)$"):
        asyncio.run(_run("- skip: a\n  when: order.created_at < site.go_live_at\n"))
    with pytest.raises(MappingError, match=r"of. and .instead_of. give the id of a record, and it is empty"):
        asyncio.run(_run(CUSTOMER, order={"customer_id": None}))


class Failing:
    """An Outside at which everything fails."""

    def mapping(self, name: str) -> Any:
        return shipped()("shop1", name)

    async def call(self, operation: str, arguments: dict[str, Any], name: str) -> Any:
        raise TargetUnavailable(operation)

    async def write(self, asked: Asked) -> dict[str, Any] | None:
        raise TargetUnavailable(asked.name)


async def _run(steps: str, *, order: dict[str, Any] | None = None) -> None:
    await compiled(steps).run(Beginning(ORDER | (order or {}), {"id": "74"}, rehearsal.SITE), Failing())


# ── how often a step is tried ──

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def decided(retry_line: str, *, attempts: int, age: timedelta) -> retry.Decision:
    with pytest.raises(TargetUnavailable) as failed:
        asyncio.run(_run(f"{CUSTOMER}  retry: {retry_line}\n"))
    return retry.decide(failed.value, attempts=attempts, since=NOW - age, now=NOW)


def test_a_step_s_own_retry_counts_in_place_of_the_usual_one() -> None:
    slow = "{first: 10 min, most: 2 h, give_up_after: 2 d}"
    first = decided(slow, attempts=0, age=timedelta(0))
    assert (first.outcome, 300 <= (first.run_at - NOW).total_seconds() <= 600) == ("retried", True)
    late = decided(slow, attempts=4000, age=timedelta(days=1))
    assert (late.outcome, 3600 <= (late.run_at - NOW).total_seconds() <= 7200) == ("retried", True)
    assert decided(slow, attempts=3, age=timedelta(days=2, seconds=1)).outcome == "dead"


def test_a_second_try_has_the_step_s_own_retry_too() -> None:
    class Second(Failing):
        tries = 0

        async def write(self, asked: Asked) -> dict[str, Any] | None:
            self.tries += 1
            raise RejectedByTarget("no", problem="absent") if self.tries == 1 else TargetUnavailable("no")

    steps = f"{CUSTOMER}  retry: {{first: 1 s, most: 2 s}}\n  catch: [{{error: absent, then: again}}]\n"
    with pytest.raises(TargetUnavailable) as failed:
        asyncio.run(compiled(steps).run(Beginning(ORDER, {"id": "74"}, rehearsal.SITE), Second()))
    assert failed.value.pace == Pace(1, 2)


def test_without_an_end_of_its_own_the_usual_number_of_attempts_counts() -> None:
    fast = "{first: 1 s, most: 1 s}"
    assert decided(fast, attempts=retry.MAX_ATTEMPTS - 2, age=timedelta(days=3)).outcome == "retried"
    assert decided(fast, attempts=retry.MAX_ATTEMPTS - 1, age=timedelta(0)).outcome == "dead"


# ── catalogues ──


def test_every_operation_of_the_catalogue_is_there_and_no_other() -> None:
    assert set(OPERATIONS) == set(operations.OPERATIONS)
    for name, described in operations.OPERATIONS.items():
        code = OPERATIONS[name].__code__
        assert code.co_varnames[1 : code.co_argcount] == tuple(described.takes), name


def test_every_record_of_the_catalogue_can_be_written() -> None:
    assert {each.entity for each in RECORDS.values()} == set(writes._WRITES)  # noqa: SLF001
    assert {each.entity for each in RECORDS.values()} | {"cancellation"} == set(KEYS)


def test_every_refusal_that_a_profile_may_name_can_be_caught_but_for_what_is_waited_for() -> None:
    ours = {"idempotency-key-in-flight", "idempotency-key-missing", "rate-limited", "unauthorized", "unavailable"}
    assert set(PROFILE_PROBLEMS) - set(failures.PROBLEMS) == ours


def test_a_rehearsal_s_site_is_one_of_which_nothing_is_configured() -> None:
    assert settings_of("shop1", Site(sources={"MAIN": "default"})) == rehearsal.SITE


def test_a_moment_of_going_live_within_a_second_is_the_next_one() -> None:
    """As texts, `…:00.5Z` would come before `…:00Z`."""
    at = datetime(2026, 3, 2, 10, 15, 0, 500_000, tzinfo=UTC)
    assert settings_of("shop2", Site(go_live_at=at))["go_live_at"] == "2026-03-02T10:15:01Z"


@pytest.mark.parametrize(
    "case",
    [
        [], {}, {"document": {}, "answer": {}}, {"document": []}, {"document": {}, "event": 1},
        {"document": {}, "site": "shop1"}, {"document": {}, "bound": "74"}, {"document": {}, "answers": ["x"]},
    ],
)  # fmt: skip
def test_what_is_no_case_says_so(case: Any) -> None:
    with pytest.raises(CaseError):
        rehearse(compiled("- skip: a\n"), shipped().mappings, case)


def test_an_answer_to_a_write_that_is_none_is_no_case() -> None:
    with pytest.raises(CaseError, match="customer is a write: its answer is an object or null"):
        ran(CUSTOMER, answers={"customer": "C-5"})


def test_parts_that_are_no_shipments_are_a_dead_letter_that_names_them() -> None:
    write: Any = SimpleNamespace(entity="shipment", reference="BNG shipment S-1")
    asked: Any = SimpleNamespace(record=RECORDS["magento/shipment"], verb="create")
    with pytest.raises(MappingError, match="parts of the context are no shipments of BNG"):
        writes.check_name(asked, write, {}, {"parts": [{"order_item_id": 1}]})


def test_a_reason_for_no_site_that_does_not_work_names_its_line() -> None:
    head = "on:\n  event: bng/inventory_item\n  ordered_by: stock\n  sites: site.name == 'nobody'\n"
    head += "  no_site: none for {number(inventory_item.Warehouse)}\nsteps:\n"
    told = rehearse(compiled("- skip: a\n", head=head), shipped().mappings, {"document": {"Warehouse": "MAIN"}})
    assert (told["outcome"], told["error"]) == ("dead", "MappingError")
    assert "(flow.yaml" in told["reason"]


def test_a_failure_that_there_is_not_says_what_was_meant() -> None:
    with pytest.raises(CaseError, match=r"Did you mean unknown-customer\?"):
        ran(CUSTOMER, answers={"customer": {"fails": "unknwn-customer"}})
