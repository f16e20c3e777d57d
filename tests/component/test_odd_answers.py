"""What BNG answers in a form of its own ends no loop, is told with its name, and loses nothing."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.support.bridge import customer_body, customer_write, until

from bng_bridge import bindings, sites
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bindings import Binding
from bng_bridge.bng.client import BngClient
from bng_bridge.bng.target import BngTarget
from bng_bridge.bng.unreadable import Unreadable
from bng_bridge.config import Bng, Poll
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.sources import sweeper
from bng_bridge.sources.poller import Poller
from bng_bridge.sources.sweeper import Sweeper
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.errors import OutcomeUnknown, RejectedByTarget, TargetUnavailable

SHIPMENTS, ORDERS = "shipments", "sales-orders"
BEGAN, LATER, LAST = (f"2026-03-02T1{hour}:00:00.000000Z" for hour in (0, 1, 2))
TIMES = 'formats: { times: "%Y-%m-%d %H:%M:%S" }'
ONLY_IDS = "list: { rows: ids }"


@dataclass
class Erp:
    """Lists `rows` of everything, gives them by id, and answers writes with `written`."""

    rows: list[Any] = field(default_factory=list)
    token: Any = None
    written: Any = None
    listed: list[str] = field(default_factory=list)
    tokens: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/oauth/token":
            self.tokens += 1
            return _json(self.token)
        if request.method != "GET":
            return _json(self.written, status=201)
        resource, _, record_id = request.path.removeprefix("/api/v1/").partition("/")
        if record_id:
            return _json(next(row for row in self.rows if isinstance(row, dict) and record_id in row.values()))
        self.listed.append(resource)
        return _json({"items": self.rows})


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(body), status=status, content_type="application/json")


@dataclass
class Rig:
    erp: Erp
    store: Store
    folder: Path
    url: str
    session: aiohttp.ClientSession

    def client(self, profile: str = "", **login: Any) -> BngClient:
        """Of BNG's own profile but for this text, by key unless told otherwise."""
        file = self.folder / "profile.yaml"
        file.write_text(f"base_path: /api/v1\n{profile}\n")
        login = login or {"api_key_file": self.secret}
        return BngClient(self.session, Bng(base_url=self.url, profile=str(file), requests_per_s=1000, **login))

    @property
    def secret(self) -> Path:
        file = self.folder / "secret"
        file.write_text("secret")
        return file

    async def begun(self, resource: str, profile: str = "") -> Poller:
        """A poller that has polled before, up to BEGAN."""

        def begin(db: Any) -> None:
            sites.move_watermark(db, resource, BEGAN)
            sites.move_watermark(db, f"{resource}/first", BEGAN)

        await self.store.write(begin)
        return Poller(self.store, Worker(self.store, never, slots=1), self.client(profile), Poll(interval_s=0.001))

    def sweeper(self) -> Sweeper:
        return Sweeper(self.store, Worker(self.store, never, slots=1), self.client(), {}, Alerts())

    def hints(self) -> list[str]:
        return [row["event_key"] for row in self.store.read.execute("SELECT event_key FROM inbox ORDER BY seq")]


async def never(_claimed: Claimed) -> Outcome:
    return DONE


@pytest.fixture
async def rig(store: Store, tmp_path: Path) -> AsyncIterator[Rig]:
    erp, app = Erp(), web.Application()
    app.router.add_route("*", "/{path:.*}", erp.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield Rig(erp, store, tmp_path, str(server.make_url("")), session)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("bridge"), "propagate", True)
    caplog.set_level(logging.INFO, logger="bridge")
    return caplog


def shipment(number: int, at: Any = LATER, **changes: Any) -> dict[str, Any]:
    return {"ShipmentID": f"SH-{number}", "SalesOrderID": "SO-1", "Version": 1, "UpdatedAt": at, **changes}


@pytest.mark.parametrize(
    ("odd", "profile", "name"),
    [
        ("no object", "", "shipments no object"),
        (7, "", "shipments 7"),
        (None, "", "shipments None"),
        ([1], "", "shipments [1]"),
        ({"UpdatedAt": LAST, "Version": 1}, "", "ShipmentID"),
        ({"ShipmentID": "SH-9", "Version": None}, "", "shipments SH-9"),
        ({"Number": 1}, ONLY_IDS, "ShipmentID"),
    ],
)
async def test_a_record_that_nobody_can_read_holds_the_watermark_and_no_other_record(
    rig: Rig, told: pytest.LogCaptureFixture, odd: Any, profile: str, name: str
) -> None:
    rig.erp.rows = [shipment(1), odd, shipment(2, LAST)]
    polling = await rig.begun(SHIPMENTS, profile)
    assert [await polling.run_once(SHIPMENTS) for _ in range(2)] == [2, 0]
    assert rig.hints() == [f"bng/shipment/SH-1/1@{LATER}", f"bng/shipment/SH-2/1@{LAST}"]
    assert sites.watermark(rig.store.read, SHIPMENTS) == BEGAN
    assert told.text.count("action=poll_failed") >= 2
    assert name in told.text
    rig.erp.rows[1] = shipment(3)
    assert await polling.run_once(SHIPMENTS) == 1
    assert sites.watermark(rig.store.read, SHIPMENTS) == LAST


@pytest.mark.parametrize("at", [None, "yesterday", 7, "2026-03-02T12:00:00"])
async def test_a_record_without_a_time_is_hinted_by_its_version_and_told(
    rig: Rig, told: pytest.LogCaptureFixture, at: Any
) -> None:
    rig.erp.rows = [shipment(1, at), shipment(2)]
    polling = await rig.begun(SHIPMENTS)
    assert [await polling.run_once(SHIPMENTS) for _ in range(2)] == [2, 0]
    rig.erp.rows[0] |= {"Version": 2}
    assert await polling.run_once(SHIPMENTS) == 1
    assert sites.watermark(rig.store.read, SHIPMENTS) == LATER
    assert "action=poll_failed resource=shipments" in told.text
    assert "shipments SH-1 without a time" in told.text


async def test_a_time_of_another_form_than_the_profile_s_holds_the_watermark_alone(
    rig: Rig, told: pytest.LogCaptureFixture
) -> None:
    rig.erp.rows = [shipment(1, "yesterday"), shipment(2, "2026-03-02 11:00:00")]
    polling = await rig.begun(SHIPMENTS, TIMES)
    assert await polling.run_once(SHIPMENTS) == 1
    assert sites.watermark(rig.store.read, SHIPMENTS) == BEGAN
    assert "BNG has shipments SH-1: BNG says 'yesterday', which is no time" in told.text


async def test_a_record_that_is_listed_and_not_given_holds_the_watermark_alone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where BNG lists ids only, each is read by itself."""
    rig.erp.rows = [shipment(1), shipment(2)]
    polling = await rig.begun(SHIPMENTS, ONLY_IDS)
    read = BngClient.read

    async def refused(self: BngClient, resource: str, record_id: str) -> Any:
        if record_id == "SH-1":
            raise RejectedByTarget("no", status=400)
        return await read(self, resource, record_id)

    monkeypatch.setattr(BngClient, "read", refused)
    assert await polling.run_once(SHIPMENTS) == 1
    assert sites.watermark(rig.store.read, SHIPMENTS) == BEGAN


async def test_a_sales_order_of_ours_without_a_status_is_looked_at(rig: Rig) -> None:
    facts = {"OrderStatus": 10}
    bound = Binding("shop1/order/74/sales_order", "shop1", "bng", "sales_order", "SO-1", "", "", "1", facts)
    await rig.store.write(lambda db: bindings.put(db, bound, BEGAN))
    rig.erp.rows = [{"SalesOrderID": number, "Version": 1, "UpdatedAt": LATER} for number in ("SO-1", "SO-2")]
    polling = await rig.begun(ORDERS)
    assert await polling.run_once(ORDERS) == 1
    assert rig.hints() == [f"bng/sales_order/SO-1/1@{LATER}"]


async def test_the_poll_goes_on_after_odd_records(rig: Rig) -> None:
    rig.erp.rows = [
        {},
        "x",
        None,
        {"UpdatedAt": {}},
        {"ShipmentID": "1", "SKU": "A", "SalesOrderID": "1", "Version": []},
    ]
    running = asyncio.create_task((await rig.begun(SHIPMENTS)).run())
    await until("all are polled again", lambda: running.done() or rig.erp.listed.count(ORDERS) > 2)
    assert not running.done()
    running.cancel()


async def test_an_odd_record_holds_up_no_other_in_a_sweep_which_is_no_whole_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "PAGE", 1)
    await rig.begun(SHIPMENTS)
    await rig.store.write(lambda db: sites.move_watermark(db, SHIPMENTS, "2026-03-02T20:00:00.000000Z"))
    rig.erp.rows = [shipment(1), "odd", shipment(2)]
    with pytest.raises(Unreadable, match="shipments odd"):
        await rig.sweeper().run_once(SHIPMENTS)
    assert len(rig.hints()) == 2
    assert sweeper.swept_at(rig.store.read, SHIPMENTS) is None
    rig.erp.rows = [shipment(1), shipment(2)]
    await rig.sweeper().run_once(SHIPMENTS)
    assert sweeper.swept_at(rig.store.read, SHIPMENTS) is not None


async def test_a_record_that_cannot_be_read_is_an_error_with_its_name(rig: Rig) -> None:
    rig.erp.rows = [{"CustomerID": "C-1", "Email": "x", "Addresses": 7}]
    client = rig.client(
        "formats: { amounts: number }\nresources: { customers: { fields: { BillingAddress: Addresses } } }"
    )
    for reading in (client.search("customers"), client.read("customers", "C-1")):
        with pytest.raises(TargetUnavailable, match="customers C-1 in a form that cannot be read"):
            await reading


@pytest.mark.parametrize("link", ["/next", "no address", "http://[", 7])
async def test_a_list_that_goes_on_at_no_address_is_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, link: Any
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return _json({"items": [], "next": link})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        monkeypatch.setattr(rig, "url", str(server.make_url("")))
        with pytest.raises(RejectedByTarget, match="is no address"):
            await rig.client("list: { next: { by: link, at: /next } }").search("customers")


async def test_a_write_whose_answer_cannot_be_read_is_done_and_looked_up(rig: Rig) -> None:
    """To call it "not executed" would make a second record."""
    client = rig.client(f"create: post\n{TIMES}")
    target, write = BngTarget(client), customer_write()
    rig.erp.written = {"CustomerID": "C-1", "UpdatedAt": "yesterday"}
    rig.erp.rows = [{"CustomerID": "C-1", "CreatedAt": None, "UpdatedAt": "2026-03-02 11:00:00", "Version": 1}]
    assert (await target.create(write, customer_body(), "1")).id == "C-1"
    rig.erp.rows = [rig.erp.written]
    with pytest.raises(OutcomeUnknown, match="written, and then not read"):
        await target.create(write, customer_body(), "1")


@pytest.mark.parametrize(
    "answer", [{}, [], None, "text", {"access_token": None}, {"access_token": ""}, {"access_token": "a\r\nb"}]
)
async def test_an_answer_without_a_token_is_a_bng_that_is_away(rig: Rig, answer: Any) -> None:
    rig.erp.token = answer
    client = rig.client(client_id="a", client_secret_file=rig.secret)
    with pytest.raises(TargetUnavailable, match="answered 200 without an access_token"):
        await client.search("customers")


@pytest.mark.parametrize("life", [{}, {"expires_in": None}, {"expires_in": "soon"}, {"expires_in": 0}])
async def test_a_token_that_does_not_say_how_long_it_is_good_is_used_for_some_minutes(rig: Rig, life: Any) -> None:
    rig.erp.token = {"access_token": "t", **life}
    client = rig.client(client_id="a", client_secret_file=rig.secret)
    for _ in range(3):
        assert await client.search("customers") == []
    assert rig.erp.tokens == 1
