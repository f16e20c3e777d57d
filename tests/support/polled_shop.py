"""A shop's lists in this process, as a poller sees them: what a test puts in is filtered, sorted and paged as in Magento.

`broken` ids make every search fail that would show them; `answer` replaces an answer; `after` runs after each search.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bridge_common import decimal_json
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import MagentoRest
from magento_agent import poller
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling
from magento_agent.health import Health
from magento_agent.poller import Poller

TOKEN = "token-of-the-test"
KEY = r"searchCriteria\[filter_groups\]\[(\d+)\]\[filters\]\[0\]\[(\w+)\]"
Document = dict[str, Any]


class PolledShop:
    """`lists` by path, such as "orders". `calls` are (path, criteria) of each search."""

    def __init__(self) -> None:
        self.url = ""
        self.lists: dict[str, dict[int, Document]] = {}
        self.broken: set[int] = set()
        self.answer: Callable[[str], web.Response | None] = lambda _path: None
        self.after: Callable[[], None] = lambda: None
        self.filter_found: Callable[[list[Document]], list[Document]] = lambda found: found
        self.login_answer: Callable[[], web.Response] = lambda: web.json_response("admin-token")
        self.calls: list[tuple[str, list[tuple[str, str, str]]]] = []

    def put(self, path: str, number: int, updated_at: str, **fields: Any) -> None:
        """`updated_at` is a time of the day 2026-03-02, or a whole one."""
        key = "entity_id" if path in ("orders", "shipments", "invoices", "creditmemos") else "id"
        whole = updated_at if "-" in updated_at else f"2026-03-02 {updated_at}"
        self.lists.setdefault(path, {})[number] = {key: number, "updated_at": whole, **fields}

    def searches(self, path: str) -> int:
        return sum(called == path for called, _ in self.calls)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/rest/all/V1/{path:.*}", self._search)
        application.router.add_post("/rest/all/V1/integration/admin/token", self._log_in)
        return application

    async def _log_in(self, _request: web.Request) -> web.Response:
        return self.login_answer()

    async def _search(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path == "store/storeConfigs":
            return web.json_response([{"id": 1, "code": "default"}])
        filters = read_filters(request)
        self.calls.append((path, filters))
        found = self.answer(path) or self._found(path, filters, request)
        self.after()
        return found

    def _found(self, path: str, filters: list[tuple[str, str, str]], request: web.Request) -> web.Response:
        sort = request.query.get("searchCriteria[sortOrders][0][field]", "entity_id")
        direction = request.query.get("searchCriteria[sortOrders][0][direction]", "ASC")
        matching = [each for each in self.lists.get(path, {}).values() if all(holds(each, *one) for one in filters)]
        matching.sort(key=lambda each: value(each, sort), reverse=direction == "DESC")
        page = matching[: int(request.query["searchCriteria[pageSize]"])]
        if any(value(each, "entity_id") in self.broken for each in page):
            return web.json_response({"message": "Internal error"}, status=500)
        text = decimal_json.dumps({"items": self.filter_found(page) or None, "total_count": len(matching)})
        return web.Response(text=text, content_type="application/json")


def read_filters(request: web.Request) -> list[tuple[str, str, str]]:
    """(field, condition, value) of each group."""
    groups: dict[str, dict[str, str]] = {}
    for name, text in request.query.items():
        if match := re.fullmatch(KEY, name):
            groups.setdefault(match[1], {})[match[2]] = text
    return [(group["field"], group["condition_type"], group["value"]) for group in groups.values()]


def value(document: Document, field: str) -> Any:
    """Customers and products call their entity id `id` in documents."""
    return document.get("entity_id", document.get("id")) if field == "entity_id" else document[field]


def holds(document: Document, field: str, condition: str, text: str) -> bool:
    here = value(document, field)
    if condition == "in":
        return str(here) in text.split(",")
    there = int(text) if isinstance(here, int) else text
    return bool({"gteq": here >= there, "gt": here > there, "lteq": here <= there}[condition])


def section(url: str, folder: Path, **options: Any) -> MagentoSection:
    token_file = folder / "token"
    token_file.write_text(TOKEN)
    return MagentoSection(base_url=url, token_file=token_file, timeout_s=2, **options)


@asynccontextmanager
async def polled_shop(folder: Path) -> AsyncIterator[tuple[PolledShop, MagentoRest]]:
    shop = PolledShop()
    runner = web.AppRunner(shop.application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with MagentoRest(section(shop.url, folder)) as rest:
            yield shop, rest
    finally:
        await runner.cleanup()


SINCE = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


@dataclass
class PollingRig:
    """A shop, and an agent's poller and file without the agent around them."""

    shop: PolledShop
    rest: MagentoRest
    folder: Path
    capture: CaptureFile
    health: Health = field(default_factory=Health)

    def poller(self, **options: Any) -> Poller:
        values: dict[str, Any] = {"lists": ("orders",), "page_size": 2, "since": SINCE}
        return Poller(Polling(**{**values, **options}), self.rest, self.capture, self.health)

    def crash(self) -> None:
        """The file as a killed agent leaves it to the next one."""
        self.capture = CaptureFile(self.folder / "capture.sqlite", self.shop.url)

    async def taken(self) -> list[tuple[str, int]]:
        """The rows, which then go, as by receipts."""
        rows = await self.capture.read_after(0, 1000)
        await self.capture.delete([(row.id, row.created_at) for row in rows])
        return [(row.entity, row.entity_id) for row in rows]

    async def taken_orders(self) -> list[int]:
        return [entity_id for _, entity_id in await self.taken()]


@asynccontextmanager
async def polling_rig(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PollingRig]:
    """At six in the afternoon of the day that times in a test belong to."""
    monkeypatch.setattr(poller, "utc_now", lambda: NOW)
    async with polled_shop(folder) as (shop, rest):
        rig = PollingRig(shop, rest, folder, CaptureFile(folder / "capture.sqlite", shop.url))
        yield rig
        rig.capture.close()


class Crash(Exception):
    pass


def fail_when(condition: Callable[[], bool], status: int, **headers: str) -> Callable[[str], web.Response | None]:
    return lambda _path: web.Response(status=status, headers=headers) if condition() else None
