"""What a chaos run will do is a pure function of its seed."""

from collections import Counter

import pytest

from bridge_sandbox import clock
from bridge_sandbox.chaos import inflict
from bridge_sandbox.chaos.load import Load
from bridge_sandbox.chaos.run import Options, Programme, impossible, plan, run
from bridge_sandbox.chaos.schedule import KINDS
from bridge_sandbox.chaos.stories import Story
from bridge_sandbox.process import ProgramFailed
from bridge_sandbox.trade import KINDS as ORDER_KINDS

SEEDS = range(1, 11)


@pytest.mark.parametrize("no_keys", [False, True])
def test_the_same_seed_gives_the_same_plan(no_keys: bool) -> None:
    assert plan(Options(7, 3, no_keys=no_keys)) == plan(Options(7, 3))


def test_another_seed_gives_other_stories_and_other_faults() -> None:
    one, other = plan(Options(1, 3)), plan(Options(2, 3))
    assert one.stories != other.stories
    assert one.faults != other.faults


@pytest.mark.parametrize("seed", SEEDS)
def test_three_minutes_hold_more_than_a_thousand_changes_and_every_kind_of_fault(seed: int) -> None:
    programme = plan(Options(seed, 3))
    assert sum(len(story.acts) for story in all_stories(programme)) >= 1200
    assert {fault.kind for fault in programme.faults} == set(KINDS)
    assert len(programme.faults) >= 30


@pytest.mark.parametrize("seed", SEEDS)
def test_all_of_it_is_within_its_time_and_in_order(seed: int) -> None:
    programme = plan(Options(seed, 1))
    starts = [fault.at_s for fault in programme.faults]
    assert starts == sorted(starts)
    assert all(0 < at_s < 60 for at_s in starts)
    for story in all_stories(programme):
        times = [act.at_s for act in story.acts]
        assert times == sorted(times), story.name
        assert all(0 <= at_s <= 60 for at_s in times), story.name


def test_every_kind_of_order_and_of_change_occurs() -> None:
    stories = all_stories(plan(Options(1, 3)))
    acts = Counter(act.kind for story in stories for act in story.acts)
    assert set(acts) == {
        "checkout", "move", "comment", "hold", "unhold", "cancel", "edit", "edit_customer", "delete_customer", "register",
        "ship_part", "ship", "set_status", "count_stock",
    }  # fmt: skip
    kinds = {act.args["kind"] for story in stories for act in story.acts if act.kind == "checkout"}
    assert kinds == set(ORDER_KINDS)


def test_every_planned_fault_can_be_inflicted() -> None:
    assert set(KINDS) == set(inflict.KINDS)


def test_two_shops_share_the_load_and_the_faults() -> None:
    programme = plan(Options(5, 3, shops=2))
    assert sum(len(story.acts) for story in all_stories(programme)) >= 1200
    stories = [{act.kind for story in each for act in story.acts} for each in programme.stories.values()]
    assert stories[0] - stories[1] == {"count_stock"}
    assert stories[1] < stories[0]
    assert {fault.args["site"] for fault in programme.faults if "site" in fault.args} == {"shop1", "shop2"}


def test_a_clock_that_cannot_be_set_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert impossible(KINDS) == {} or clock.library() is None
    monkeypatch.setattr(clock, "LIBRARIES", "no such library")
    assert list(impossible(KINDS)) == ["clock_jump"]
    assert impossible(("kill_agent",)) == {}
    with pytest.raises(ProgramFailed, match="libfaketime"):
        run(Options(1, 1, kinds=("clock_jump",)), print)


def all_stories(programme: Programme) -> list[Story]:
    return [story for each in programme.stories.values() for story in each]


def test_only_the_kinds_asked_for_are_planned() -> None:
    faults = plan(Options(1, 1, kinds=("kill_agent", "bng_late"))).faults
    assert {fault.kind for fault in faults} == {"kill_agent", "bng_late"}


def test_a_load_that_has_not_begun_has_changed_nothing() -> None:
    programme = plan(Options(1, 1))
    load = Load("shop1", None, None, None, programme.stories["shop1"])  # type: ignore[arg-type]
    assert load.changes == 0
    assert not load.is_over
