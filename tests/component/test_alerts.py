"""Who is told of an alert, how often, and by what."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook
from tests.component.test_admin import Bridge, bridgectl, listening, operated
from tests.support.bridge import until

from bng_bridge.alerting import ways as alert_ways
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.alerting.notifier import AT_MOST_EVERY_S, CAUSES_KEPT, GATHER_S, Notifier
from bng_bridge.alerting.ways import Command, NotSent, WebhookPost

DOCUMENT = {
    "key": "k",
    "state": "begun",
    "subject": "BNG is down",
    "hint": "",
    "count": 1,
    "at": "2026-03-02T12:00:00Z",
}
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="


@dataclass
class Kept:
    """A way that keeps what it is given."""

    name: str = "kept"
    attempts: int = 1
    documents: list[dict[str, Any]] = field(default_factory=list)
    is_away: bool = False
    meanwhile: Callable[[], None] = lambda: None
    """What happens while it is tried."""

    async def send(self, document: dict[str, Any], *, attempts: int) -> str:
        self.meanwhile()
        if self.is_away:
            raise NotSent("nobody there")
        self.documents.append(document)
        return "kept"


@dataclass
class Told:
    """Alerts with a notifier in front of a way; `pass_s` lets time go by."""

    alerts: Alerts
    notifier: Notifier
    way: Kept
    now_s: float

    async def pass_s(self, seconds: float) -> list[str]:
        """What is told then."""
        self.now_s += seconds
        before = len(self.way.documents)
        await self.notifier.run_once(self.now_s)
        return [f"{each['state']}: {each['subject']}" for each in self.way.documents[before:]]


@pytest.fixture
async def told() -> Told:
    way = Kept()
    notifier = Notifier([way])
    return Told(Alerts(notifier.take), notifier, way, asyncio.get_running_loop().time())


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "page"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return (str(path),)


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_many_dead_letters_in_a_short_time_are_one_notification(told: Told) -> None:
    for number in range(42):
        cause = "MappingError order totals-differ" if number < 40 else "InvalidEvent order absent"
        told.alerts.tell("dead letter", key="dead-letters", event=number, hint="x", cause=cause)
    assert await told.pass_s(GATHER_S - 1) == []
    assert await told.pass_s(2) == [
        "told: 42 dead letters, causes: MappingError order totals-differ (40), InvalidEvent order absent (2)"
    ]
    assert (told.way.documents[0]["hint"], told.way.documents[0]["count"]) == ("bridgectl dlq list", 42)


async def test_a_single_dead_letter_is_told_with_its_own_hint(told: Told) -> None:
    told.alerts.tell("dead letter", key="dead-letters", hint="bridgectl dlq retry 7", cause="InvalidEvent order absent")
    assert await told.pass_s(GATHER_S + 1) == ["told: dead letter: InvalidEvent order absent"]
    assert told.way.documents[0]["hint"] == "bridgectl dlq retry 7"


async def test_of_one_key_there_is_at_most_one_notification_a_minute_and_others_do_not_wait_for_it(told: Told) -> None:
    told.alerts.tell("dead letter", key="dead-letters", cause="a")
    await told.pass_s(GATHER_S + 1)
    for _ in range(2):
        told.alerts.tell("dead letter", key="dead-letters", cause="b")
    told.alerts.tell("identity changed", site="shop1")
    assert await told.pass_s(GATHER_S + 1) == ["told: identity changed"]
    assert await told.pass_s(AT_MOST_EVERY_S) == ["told: 2 dead letters, causes: b (2)"]


async def test_a_condition_is_told_when_it_begins_and_when_it_ends(told: Told) -> None:
    for _ in range(3):
        told.alerts.begin("bng-down", "BNG is down", hint="bridgectl status")
    assert await told.pass_s(GATHER_S + 1) == ["begun: BNG is down"]
    told.alerts.end("bng-down")
    told.alerts.end("bng-down")
    assert await told.pass_s(AT_MOST_EVERY_S) == ["ended: BNG is down"]


async def test_a_condition_that_flickers_is_told_as_it_stands_at_the_end(told: Told) -> None:
    told.alerts.begin("bng-down", "BNG is down")
    told.alerts.end("bng-down")
    assert await told.pass_s(GATHER_S + 1) == []
    told.alerts.begin("bng-down", "BNG is down")
    assert await told.pass_s(GATHER_S + 1) == ["begun: BNG is down"]
    told.alerts.end("bng-down")
    told.alerts.begin("bng-down", "BNG is down")
    assert await told.pass_s(AT_MOST_EVERY_S + GATHER_S) == []


async def test_a_condition_that_no_way_took_is_told_a_minute_later(told: Told) -> None:
    """Nobody raises it again while it lasts."""
    told.way.is_away = True
    told.alerts.begin("bng-down", "BNG is down")
    for _ in range(3):
        assert await told.pass_s(AT_MOST_EVERY_S + GATHER_S) == []
    told.way.is_away = False
    assert await told.pass_s(AT_MOST_EVERY_S - 1) == []
    assert await told.pass_s(2) == ["begun: BNG is down"]
    assert await told.pass_s(2 * AT_MOST_EVERY_S) == []


async def test_what_was_over_before_a_way_took_it_is_not_told(told: Told) -> None:
    told.way.is_away = True
    told.alerts.begin("bng-down", "BNG is down")
    told.way.meanwhile = lambda: told.alerts.end("bng-down")
    await told.pass_s(GATHER_S + 1)
    told.way.is_away = False
    assert await told.pass_s(2 * AT_MOST_EVERY_S) == []


async def test_an_end_that_no_way_took_is_told_as_long_as_it_is_over(told: Told) -> None:
    told.alerts.begin("bng-down", "BNG is down")
    await told.pass_s(GATHER_S + 1)
    told.way.is_away = True
    told.alerts.end("bng-down")
    await told.pass_s(AT_MOST_EVERY_S)
    told.way.is_away = False
    assert await told.pass_s(AT_MOST_EVERY_S) == ["ended: BNG is down"]


async def test_what_no_way_took_is_told_with_what_came_meanwhile(told: Told) -> None:
    def die(cause: str) -> None:
        told.alerts.tell("dead letter", key="dead-letters", cause=cause)

    die("a")
    told.way.is_away, told.way.meanwhile = True, lambda: die("b")
    await told.pass_s(GATHER_S + 1)
    told.way.is_away, told.way.meanwhile = False, lambda: None
    die("b")
    assert await told.pass_s(AT_MOST_EVERY_S) == ["told: 3 dead letters, causes: b (2), a (1)"]


async def test_of_ever_more_causes_the_commonest_are_kept_while_a_way_is_gone(told: Told) -> None:
    told.way.is_away = True
    for number in range(3 * CAUSES_KEPT):
        told.alerts.tell("dead letter", key="dead-letters", cause="again" if number % 2 else f"cause {number}")
    await told.pass_s(GATHER_S + 1)
    told.way.is_away = False
    (subject,) = await told.pass_s(AT_MOST_EVERY_S)
    assert subject.startswith(f"told: {3 * CAUSES_KEPT} dead letters, causes: again ({3 * CAUSES_KEPT // 2}), ")
    assert subject.endswith(f" and {CAUSES_KEPT - 3} more")


async def test_a_notification_that_one_of_two_ways_took_is_not_sent_again(told: Told) -> None:
    told.now_s += GATHER_S + 1
    notifier = Notifier([Kept(is_away=True), told.way])
    Alerts(notifier.take).begin("bng-down", "BNG is down")
    for _ in range(3):
        await notifier.run_once(told.now_s)
        told.now_s += AT_MOST_EVERY_S
    assert len(told.way.documents) == 1


async def test_the_command_gets_the_alert_on_its_standard_input(tmp_path: Path) -> None:
    said = await Command(script(tmp_path, f"cat > {tmp_path}/got")).send(DOCUMENT, attempts=1)
    assert json.loads(text_of(tmp_path / "got")) == DOCUMENT
    assert said.endswith("ended with 0")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo no pager >&2; exit 3", "ended with 3: no pager"),
        ("exec < /dev/null; exit 1", "ended with 1: it said nothing"),
    ],
)
async def test_a_command_that_fails_says_how(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(NotSent, match=says):
        await Command(script(tmp_path, text)).send(DOCUMENT, attempts=1)


async def test_a_command_that_is_not_there_says_so() -> None:
    with pytest.raises(NotSent, match="/none cannot be started: No such file"):
        await Command(("/none",)).send(DOCUMENT, attempts=1)


async def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    command = Command(script(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait"), deadline_s=0.5)
    with pytest.raises(NotSent, match="did not end within"):
        await command.send(DOCUMENT, attempts=1)
    child = int(text_of(tmp_path / "child"))
    await until("the child is gone", lambda: is_gone(child))


def is_gone(pid: int) -> bool:
    """Killed; whoever reaps it in a container may never do so."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@dataclass
class Pager:
    """A receiver of webhooks that answers with the statuses given, then with 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((await request.read(), dict(request.headers)))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@pytest.fixture
async def pager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pager]:
    monkeypatch.setattr(alert_ways, "PAUSES_S", (0.0, 0.0))
    made = Pager()
    app = web.Application()
    app.router.add_post("/hook/", made.take)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/hook/"))
        yield made


async def post(pager: Pager, signer: Webhook | None = None, attempts: int = 3) -> str:
    async with aiohttp.ClientSession() as session:
        return await WebhookPost(session, pager.url, signer).send(DOCUMENT, attempts=attempts)


async def test_the_webhook_is_signed_as_standard_webhooks_are(pager: Pager) -> None:
    assert await post(pager, Webhook(SECRET)) == "the webhook answered 204"
    ((body, headers),) = pager.received
    assert Webhook(SECRET).verify(body, headers) == {
        "type": "alert.begun", "timestamp": DOCUMENT["at"], "data": DOCUMENT,
    }  # fmt: skip


async def test_a_webhook_without_a_secret_is_not_signed(pager: Pager) -> None:
    await post(pager)
    assert not {name for name in pager.received[0][1] if name.lower().startswith("webhook-")}


async def test_a_webhook_is_tried_a_few_times_under_one_id(pager: Pager) -> None:
    pager.statuses = [503, 429]
    assert await post(pager, Webhook(SECRET)) == "the webhook answered 204"
    assert len({headers["webhook-id"] for _, headers in pager.received}) == 1
    assert len(pager.received) == 3


@pytest.mark.parametrize(("statuses", "calls"), [([500] * 9, 3), ([401], 1)])
async def test_a_webhook_that_is_not_taken_is_given_up(pager: Pager, statuses: list[int], calls: int) -> None:
    pager.statuses = list(statuses)
    with pytest.raises(NotSent, match=f"the webhook answered {statuses[0]}"):
        await post(pager)
    assert len(pager.received) == calls


async def test_a_way_that_fails_is_logged_and_the_other_one_is_used(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier([Command(("/none",)), told.way])
    with caplog.at_level(logging.INFO, "bridge"):
        Alerts(notifier.take).begin("bng-down", "BNG is down")
        assert await notifier.run_once(told.now_s + GATHER_S + 1) == 1
    assert [message.split(" ")[0] for message in caplog.messages[1:]] == ["action=alert_failed", "action=alert_sent"]
    assert "/none cannot be started" in caplog.text


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        yield made


async def test_a_test_alert_goes_by_every_way_and_says_what_happened(bridge: Bridge, tmp_path: Path) -> None:
    way, path = Kept(), tmp_path / "other.sock"
    async with listening(replace(bridge.running, notifier=Notifier([way, Command(("/none",))])), path):
        ended = await bridgectl(path, "alerts", "test")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "kept: sent kept",
        "command: failed /none cannot be started: No such file or directory",
    ]
    assert way.documents[0]["subject"] == "a test alert"


async def test_a_test_alert_without_a_way_names_the_options(bridge: Bridge) -> None:
    ended = await bridge.ctl("alerts", "test")
    assert (ended.code, "Set command or webhook_url under [alerts]" in ended.err) == (1, True)
