"""What an operator does about dead letters: by number, by cause, all at once, and with an edited copy."""

import json
import stat
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.component.test_admin import Bridge, operated
from tests.support.bridge import at, event

from bng_bridge import inbox, letters, schema
from bng_bridge.cause import cause_id, cause_of
from bng_bridge.inbox import Hint
from bng_bridge.store import connect, migrate
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import BridgeError, MappingError, RejectedByTarget

LINES_DIFFER = MappingError("lines differ by 1.20", hint="mend it", problem="totals-differ")
UNKNOWN = RejectedByTarget("no such customer", problem="unknown-customer", pointer="/CustomerID", entity="sales_order")


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def _own_folder_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


async def die(bridge: Bridge, number: int, error: BridgeError = LINES_DIFFER, **fields: Any) -> int:
    """Order `number` arrives and dies; its event."""
    fields = {"entity_id": str(number), **fields}

    def kill(db: Any) -> int:
        inbox.put_events(db, [event(number, **fields)], at(number))
        (found,) = inbox.claim(db, at(number), 1)
        inbox.settle(
            db, found, "dead", started_at=at(1), now=at(2), reason=error.message, hint=error.hint,
            cause=cause_of(error, found.entity), error_kind=error.kind,
        )  # fmt: skip
        return found.seq

    return await bridge.store.write(kill)


def row(bridge: Bridge, seq: int) -> dict[str, Any]:
    return dict(inbox.select(bridge.store.read, "get", seq=seq)[0])


async def test_letters_are_grouped_by_cause_with_the_commands_that_help(bridge: Bridge) -> None:
    first = await die(bridge, 1, UNKNOWN)
    for number in (2, 3):
        await die(bridge, number)
    groups = (await bridge.ctl("dlq", "causes", "--json")).json()
    assert [(group["cause"], group["letters"], group["first_seq"]) for group in groups] == [
        ("MappingError order totals-differ", 2, 2),
        ("RejectedByTarget sales_order unknown-customer /CustomerID", 1, first),
    ]
    cause = groups[0]["cause_id"]
    shown = (await bridge.ctl("dlq", "list")).out
    assert f"{cause} MappingError order totals-differ (2 letters)" in shown
    for line in (
        f"bridgectl dlq retry --cause {cause}", f"bridgectl dlq discard --cause {cause} --reason TEXT",
        "bridgectl dlq show 2", "bridgectl dlq edit 2",
    ):  # fmt: skip
        assert f"    {line}\n" in shown
    listed = (await bridge.ctl("dlq", "list", "--json")).json()
    assert [letter["cause_id"] for letter in listed] == [groups[1]["cause_id"], cause, cause]


async def test_letters_that_died_before_there_were_causes_are_grouped_by_reason(bridge: Bridge) -> None:
    for number in (1, 2):
        await bridge.put(number, entity_id=str(number))
        await bridge.kill("an old reason")
    (group,) = (await bridge.ctl("dlq", "causes", "--json")).json()
    assert (group["cause"], group["letters"]) == ("an old reason", 2)
    assert (await bridge.ctl("dlq", "retry", "--cause", cause_id("an old reason"))).out == "requeued: 2\n"


def test_a_store_from_before_there_were_causes_keeps_its_letters(tmp_path: Path) -> None:
    path = tmp_path / "bridge.sqlite"
    old = connect(path)
    for version in (1, 2):
        old.executescript(f"BEGIN; {schema.statements(version)}; PRAGMA user_version = {version}; COMMIT;")
    old.execute(
        "INSERT INTO inbox (event_key, site, source, entity, entity_id, kind, ordering_key, state, reason, run_at,"
        " stored_at)"
        " VALUES ('shop1/1.1', 'shop1', 'magento', 'order', '1', 'snapshot', 'x', 'dead', 'an old reason', '', '')"
    )
    old.close()
    assert migrate(path) == (2, schema.VERSION)
    new = connect(path)
    (group,) = letters.groups(new)
    assert (group.cause, letters.in_cause(new, group.cause)) == ("an old reason", [1])
    new.close()


async def test_all_of_a_cause_are_retried_and_the_others_left(bridge: Bridge) -> None:
    unknown, one, two = await die(bridge, 1, UNKNOWN), await die(bridge, 2), await die(bridge, 3)
    cause = cause_id(cause_of(LINES_DIFFER, "order"))
    assert (await bridge.ctl("dlq", "retry", "--cause", cause[:5])).out == "requeued: 2\n"
    assert [bridge.state(seq) for seq in (unknown, one, two)] == ["dead", "pending", "pending"]


async def test_all_of_a_cause_are_discarded_with_one_reason(bridge: Bridge) -> None:
    unknown, one = await die(bridge, 1, UNKNOWN), await die(bridge, 2)
    cause = cause_of(UNKNOWN, "order")
    ended = await bridge.ctl("dlq", "discard", "--cause", cause, "--reason", "test orders")
    assert (ended.out, bridge.state(unknown), bridge.state(one)) == ("discarded: 1\n", "discarded", "dead")
    assert row(bridge, unknown)["reason"] == "test orders"


async def test_a_cause_that_is_not_there_is_told(bridge: Bridge) -> None:
    await die(bridge, 1)
    ended = await bridge.ctl("dlq", "retry", "--cause", "ffffffff")
    assert ended.code == 1
    assert "bridgectl dlq causes" in ended.err


async def test_many_letters_go_in_batches_with_a_line_of_progress(bridge: Bridge) -> None:
    """More than fit into one request; none is forgotten, and none taken twice."""

    def bury(db: Any) -> None:
        inbox.put_events(db, [event(n, entity_id=str(n)) for n in range(1, 502)], at(0))
        db.execute("UPDATE inbox SET state = 'dead', cause = 'c'")

    await bridge.store.write(bury)
    ended = await bridge.ctl("dlq", "retry", "--all")
    assert (ended.code, ended.out) == (0, "requeued: 501\n")
    assert [line for line in ended.err.replace("\r", "\n").splitlines() if line] == [
        "200 of 501", "400 of 501", "501 of 501",
    ]  # fmt: skip
    assert {bridge.state(seq) for seq in (1, 200, 201, 501)} == {"pending"}


async def test_a_field_of_a_copy_is_set_and_the_copy_takes_the_letter_s_place(bridge: Bridge) -> None:
    data = {"increment_id": "000000001", "payment": {"method": "x"}, "items": [{"sku": "A", "price": 1}]}
    seq = await die(bridge, 1, data=data)
    ended = await bridge.ctl("dlq", "edit", str(seq), "--set", "payment.method=checkmo", "--set", "items.0.price=12.10")
    assert (ended.code, ended.err) == (0, "")
    original, copy = row(bridge, seq), row(bridge, seq + 1)
    assert (original["state"], original["reason"]) == ("discarded", f"replaced by an edited copy {seq + 1}")
    assert json.loads(original["data"]) == data
    assert (copy["state"], copy["kind"], copy["event_key"]) == ("pending", "edited", f"edit/{seq}/1")
    assert (copy["ordering_key"], copy["entity_id"], copy["increment_id"]) == ("shop1/order/1", "1", "000000001")
    assert '"price":12.10' in copy["data"]
    assert '"method":"checkmo"' in copy["data"]


async def test_an_edited_copy_is_told_apart_in_the_trace_with_the_person_who_made_it(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "ida")
    seq = await die(bridge, 74)
    await bridge.ctl("dlq", "edit", str(seq), "--set", "n=2")
    original, copy = (await bridge.ctl("trace", "74", "--json")).json()["events"]
    assert (original["edited_by"], copy["edited_by"], copy["kind"]) == ("", "ida", "edited")
    assert f"a copy of {seq}, edited by ida" in (await bridge.ctl("trace", "74")).out


async def test_a_copy_that_dies_can_be_edited_again(bridge: Bridge) -> None:
    seq = await die(bridge, 1)
    await bridge.ctl("dlq", "edit", str(seq), "--set", "n=2")
    await bridge.kill()
    assert (await bridge.ctl("dlq", "edit", str(seq + 1), "--set", "n=3")).code == 0
    assert (row(bridge, seq + 1)["state"], row(bridge, seq + 2)["event_key"]) == ("discarded", f"edit/{seq + 1}/1")


async def test_a_newer_state_takes_an_edited_copy_s_place(bridge: Bridge) -> None:
    seq = await die(bridge, 1)
    await bridge.ctl("dlq", "edit", str(seq), "--set", "n=2")
    await bridge.put(9, entity_id="1")
    assert (bridge.state(seq + 1), bridge.state(seq + 2)) == ("superseded", "pending")


async def test_a_copy_is_edited_in_the_operator_s_editor(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = await die(bridge, 1)
    monkeypatch.setenv("EDITOR", editor(tmp_path, 's/"n": 1/"n": 2.50/'))
    ended = await bridge.ctl("dlq", "edit", str(seq))
    assert (ended.code, ended.err) == (0, "")
    assert '"n":2.50' in row(bridge, seq + 1)["data"]


async def test_a_mistake_in_the_editor_is_told_with_its_place_and_nothing_is_lost(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = await die(bridge, 1)
    monkeypatch.setenv("EDITOR", editor(tmp_path, 's/"n": 1/"n": oops/'))
    ended = await bridge.ctl("dlq", "edit", str(seq))
    assert ended.code == 65
    place = ended.err.split(" ")[0]
    assert place.endswith(".json:3:8:")
    written = Path(place.split(":")[0])
    assert f"bridgectl dlq edit {seq} --file {written}" in ended.err
    assert '"n": oops' in text_of(written)
    assert bridge.state(seq) == "dead"
    write(written, text_of(written).replace("oops", "7"))
    assert (await bridge.ctl("dlq", "edit", str(seq), "--file", str(written))).code == 0
    assert '"n":7' in row(bridge, seq + 1)["data"]


async def test_what_was_written_is_kept_when_the_daemon_is_gone_meanwhile(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = await die(bridge, 1)
    monkeypatch.setenv("EDITOR", editor(tmp_path, 's/"n": 1/"n": 2/', before=f"rm -f {bridge.socket}"))
    ended = await bridge.ctl("dlq", "edit", str(seq))
    written = Path(ended.err.split("What you wrote is in ")[1].split(":")[0])
    assert (ended.code, '"n": 2' in text_of(written)) == (3, True)


async def test_the_daemon_takes_nothing_but_an_object_for_a_document(bridge: Bridge) -> None:
    seq = await die(bridge, 1)
    assert await asked(bridge, f"/dlq/{seq}/edit", document="[1]") == "A document is a JSON object."
    assert "not a request of this bridge" in await asked(bridge, f"/dlq/{seq}/edit", document="{oops")
    assert bridge.state(seq) == "dead"


async def test_leaving_the_editor_without_a_change_does_nothing(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = await die(bridge, 1)
    monkeypatch.setenv("EDITOR", "true")
    ended = await bridge.ctl("dlq", "edit", str(seq))
    assert (ended.code, ended.err, bridge.state(seq)) == (1, "Nothing was changed, so nothing was done.\n", "dead")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("nothing", "write PATH=VALUE"),
        ("a.b=1", "the document has nothing at a"),
        ("n.x=1", "there is no object before x"),
    ],
)
async def test_a_change_of_what_is_not_there_is_told(bridge: Bridge, change: str, says: str) -> None:
    seq = await die(bridge, 1)
    ended = await bridge.ctl("dlq", "edit", str(seq), "--set", change)
    assert (ended.code != 0, says in ended.err, bridge.state(seq)) == (True, True, "dead")


async def test_a_hint_and_bytes_cannot_be_edited_and_it_is_said_why(bridge: Bridge) -> None:
    hint = Hint("stock", "MAIN|MUG", "stock/MAIN|MUG", "bng/1", {})
    await bridge.store.write(lambda db: inbox.put_hint(db, hint, to_text(utc_now())))
    await bridge.kill()
    await bridge.store.write(lambda db: inbox.put_undecodable(db, "shop1", b"\xff", "not JSON", at(0)))
    for seq, says in ((1, "it only names a record of BNG"), (2, "its bytes were no batch of events")):
        ended = await bridge.ctl("dlq", "edit", str(seq), "--set", "a=1")
        assert (ended.code, says in ended.err) == (1, True)
        assert says in (await asked(bridge, f"/dlq/{seq}/edit", document="{}"))


async def test_undecodable_bytes_name_the_command_with_their_own_number(bridge: Bridge) -> None:
    await bridge.store.write(lambda db: inbox.put_undecodable(db, "shop1", b"\xff", "not JSON", at(0)))
    assert "bridgectl dlq retry 1 decodes it again" in row(bridge, 1)["hint"]


def text_of(path: Path) -> str:
    return path.read_text()


def write(path: Path, text: str) -> None:
    path.write_text(text)


def editor(folder: Path, script: str, before: str = ":") -> str:
    """An editor that changes the file as sed would."""
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{before}\nexec sed -i '{script}' \"$1\"\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def asked(bridge: Bridge, path: str, **body: str) -> str:
    """The daemon's own refusal, whatever bridgectl would have said before."""
    connector = aiohttp.UnixConnector(str(bridge.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(f"http://bridge{path}", json={"who": "ida", **body}) as answer,
    ):
        return str((await answer.json())["error"])
