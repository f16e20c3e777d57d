"""What bridgectl prints for people: every word of the daemon's answer, brackets and colons included."""

from typing import Any

import pytest

from bng_bridge.ctl import dead_letters
from bng_bridge.ctl import status as status_of
from bng_bridge.ctl import trace as trace_of

AT = "2026-03-02T12:34:56.789012Z"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")


def site(**changes: Any) -> dict[str, Any]:
    fields = {
        "site": "shop1", "state": "online", "detail": "", "last_seen_s": 1.2, "round_trip_ms": 12.6, "outbox_rows": 3,
        "outbox_oldest_s": 70.0, "inbox_pending": 2, "inbox_oldest_s": 5.0, "dead": 1, "throttle": "open",
    }  # fmt: skip
    return {**fields, **changes}


def status(**changes: Any) -> dict[str, Any]:
    fields = {
        "schema": 1, "verdict": "degraded", "cause": "1 dead letters: bridgectl dlq list", "at": AT,
        "bridge": {"version": "0.1.0", "inbox_pending": 2, "inbox_oldest_s": 5.0, "dead": 1, "intents": 4},
        "broker": {"connected": True}, "bng": {"throttle": "open"}, "sites": [site()], "alerts": [],
    }  # fmt: skip
    return {**fields, **changes}


def letter(**changes: Any) -> dict[str, Any]:
    fields = {
        "seq": 12, "event_key": "shop1/1.7", "site": "shop1", "source": "magento", "entity": "order", "entity_id": "74",
        "increment_id": "000000074", "kind": "snapshot", "reason": "lines [and] freight differ",
        "hint": "Check the credentials under [bng]; add [sites.shop1] to bridge.toml, then retry.", "attempts": 3,
        "stored_at": AT, "settled_at": AT,
    }  # fmt: skip
    return {**fields, **changes}


def attempt(**changes: Any) -> dict[str, Any]:
    fields = {
        "seq": 12, "number": 1, "started_at": AT, "ended_at": AT, "outcome": "retried", "error_kind": "TargetUnavailable",
        "error": "BNG is [away]",
    }  # fmt: skip
    return {**fields, **changes}


def trace(**changes: Any) -> dict[str, Any]:
    step = {"action": "created", "target_id": "SO-100001", "at": AT, "mapping": "3f2a91c07d44" + 52 * "0"}
    event = {
        "seq": 12, "event_key": "shop1/1.7", "state": "done", "reason": "", "hint": "", "attempts": 1, "run_at": AT,
        "committed_at": AT, "captured_at": AT, "published_at": AT, "stored_at": AT, "settled_at": None,
        "attempt_log": [attempt()], "steps": [step],
    }  # fmt: skip
    fields = {
        "order": "000000074", "entity_id": "74", "site": "shop1", "found": True, "events": [event],
        "sales_order": {
            "SalesOrderID": "SO-100001", "OrderStatus": 20, "Total": "29.73", "AllocationStatus": "allocated",
            "written_at": AT,
        },
        "shipments": [], "waits": "", "also_in": [],
    }  # fmt: skip
    return {**fields, **changes}


def shipment(**changes: Any) -> dict[str, Any]:
    fields = {
        "ShipmentID": "SH-1", "TrackingNumbers": ["T1", "T2"], "CreatedAt": AT, "magento_id": "9", "shipped_at": AT,
        "state": "done", "reason": "",
    }  # fmt: skip
    return {**fields, **changes}


def test_the_status_begins_with_the_verdict_and_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    status_of.render(status())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "degraded 1 dead letters: bridgectl dlq list"
    assert lines[1] == "bridge 0.1.0: 2 pending (oldest 5 s), 1 dead, 4 open intents"
    assert lines[2:4] == ["broker connected", "BNG open"]
    assert lines[5].split(maxsplit=1)[0] == "shop1"
    assert all(part in lines[5] for part in ("online", "1 s ago", "13 ms", "3 (oldest 70 s)", "2 (oldest 5 s)"))


def test_the_calls_of_bng_stand_beside_its_state_with_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    calls = {"customers": {"minute": 0, "hour": 3, "total": 9}, "sales-orders": {"minute": 1, "hour": 5, "total": 5}}
    quota = {"remaining": 4, "allowed": 50, "window_s": 60, "reset_s": 12.0}
    bng = {"throttle": "open", "pace": "slowed to 0.4/s: its quota is nearly used up", "calls": calls, "quota": quota}
    status_of.render(status(bng=bng, sites=[site(pace="slowed to 5/s: it is overloaded")]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == (
        "BNG open, slowed to 0.4/s: its quota is nearly used up "
        "(8 calls this hour: sales-orders 5, customers 3; 4 of 50 left)"
    )
    assert lines[5].endswith("open, slowed to 5/s: it is overloaded")


def test_a_status_without_a_cause_says_that_nothing_waits(capsys: pytest.CaptureFixture[str]) -> None:
    status_of.render(status(verdict="healthy", cause=""))
    assert capsys.readouterr().out.startswith("healthy nothing waits for you\n")


def test_what_is_not_known_of_a_site_is_a_dash_and_never(capsys: pytest.CaptureFixture[str]) -> None:
    unseen = site(state="unseen", last_seen_s=None, round_trip_ms=None, outbox_rows=None, outbox_oldest_s=None)
    status_of.render(status(sites=[unseen], broker={"connected": False}))
    out = capsys.readouterr().out
    assert "never" in out
    assert "broker not connected" in out
    assert [word for word in out.splitlines()[-1].split() if word == "-"] == ["-", "-"]


def test_a_hint_is_shown_with_its_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets are markup to the library that prints."""
    dead_letters.render_letters([letter()])
    out = capsys.readouterr().out
    assert "Check the credentials under [bng]; add [sites.shop1] to bridge.toml, then retry." in out
    assert "12 shop1 order 000000074: lines [and] freight differ" in out
    assert "(stored 12:34:56.789, 3 attempts)" in out


def test_an_event_without_an_order_number_goes_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    dead_letters.render_letters([letter(entity="customer", entity_id="5", increment_id=None)])
    assert "shop1 customer 5:" in capsys.readouterr().out


def test_no_dead_letters_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    dead_letters.render_letters([])
    assert capsys.readouterr().out == "No dead letters.\n"


def test_one_dead_letter_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    data = '{"name":"[bold]Ida[/bold] :smile:","long":"' + "x" * 500 + '"}'
    dead_letters.render_letter({**letter(), "attempt_log": [attempt()], "data": data})
    out = capsys.readouterr().out
    assert data in out
    assert "attempt 1 12:34:56.789 retried TargetUnavailable BNG is [away]" in out
    assert "  event_key shop1/1.7" in out


def test_a_dead_letter_without_data_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    dead_letters.render_letter({**letter(), "attempt_log": [], "data": None})
    assert "(no data)" in capsys.readouterr().out


def test_a_trace_shows_every_hop_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    trace_of.render(trace(shipments=[shipment()]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Order 000000074 (id 74) of shop1"
    assert lines[1].strip() == " → ".join(
        f"{hop} 12:34:56.789" for hop in ("committed", "captured", "published", "stored")
    )
    assert lines[3].strip() == "created SO-100001 12:34:56.789 by mapping 3f2a91c07d44"
    assert "BNG SO-100001: status 20, total 29.73, allocated, written 12:34:56.789" in lines[5]
    assert "shipped SH-1 12:34:56.789 [T1, T2] → shop shipment 9, 12:34:56.789" in lines[6]


def test_a_trace_says_what_the_order_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    trace_of.render(
        trace(sales_order=None, waits="dead letter 12: no. Add [sites.shop1], then retry", also_in=["shop2"])
    )
    out = capsys.readouterr().out
    assert "waits:  dead letter 12: no. Add [sites.shop1], then retry" in out
    assert "The same number exists in shop2: choose with --site." in out


def test_a_shipment_that_is_not_in_the_shop_shows_why(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = shipment(magento_id=None, shipped_at=None, state="pending", reason="order [74] is on hold")
    trace_of.render(trace(shipments=[waiting]))
    assert "→ pending order [74] is on hold" in capsys.readouterr().out


def test_an_order_that_never_arrived_says_what_the_shops_say(capsys: pytest.CaptureFixture[str]) -> None:
    trace_of.render({"order": "9", "found": False, "waits": "shop1 cannot be asked: [magento] token :key: is refused"})
    out = capsys.readouterr().out
    assert (
        out
        == "Order 9 is not among the events kept here (30 days).\nshop1 cannot be asked: [magento] token :key: is refused\n"
    )


def test_nothing_is_coloured_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    status_of.render(status())
    trace_of.render(trace(waits="x"))
    assert "\x1b" not in capsys.readouterr().out
