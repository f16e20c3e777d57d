"""The sandbox BNG as a process: it says when it listens, stops when asked, and keeps what it has answered."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bridge_sandbox.admin import BngAdmin, CallFailed
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings

START = "from bridge_sandbox.bng.cli import bng; bng()"
DEADLINE_S = 20.0


@asynccontextmanager
async def bng_process(state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """The process, its URL and its admin URL; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, "--state", str(state), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            assert process.stdout is not None
            ready, url, admin, admin_url = (await process.stdout.readline()).decode().split()
        assert (ready, admin) == ("ready", "admin")
        yield process, url, admin_url
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    headers = {"X-API-Key": Settings.api_key}
    async with (
        bng_process(tmp_path / "bng.sqlite") as (process, url, _),
        aiohttp.ClientSession(url, headers=headers) as client,
    ):
        for number in range(50):
            path = f"/api/v1/customers/by-external-id/{number}"
            async with client.put(path, json=samples.customer()) as answer:
                assert answer.status == 201
        process.kill()
        await process.wait()
    async with (
        bng_process(tmp_path / "bng.sqlite") as (_, url, _),
        aiohttp.ClientSession(url, headers=headers) as client,
        client.get("/api/v1/customers") as answer,
    ):
        assert len((await answer.json())["items"]) == 50


async def test_sigterm_stops_it_at_once_although_an_answer_is_held(tmp_path: Path) -> None:
    headers = {"X-API-Key": Settings.api_key}
    async with (
        bng_process(tmp_path / "bng.sqlite") as (process, url, admin_url),
        aiohttp.ClientSession(url, headers=headers) as client,
    ):
        async with client.post(f"{admin_url}/faults", json={"kind": "hold", "count": 0}) as answer:
            assert answer.status == 201
        held = asyncio.create_task(client.get("/api/v1/customers"))
        async with asyncio.timeout(DEADLINE_S):
            hits = 0
            while not hits:
                async with client.get(f"{admin_url}/faults") as answer:
                    hits = (await answer.json())[0]["hits"]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            (await held).release()
            assert await process.wait() == 0


async def test_the_admin_side_as_python_calls_plays_bng_s_people(tmp_path: Path) -> None:
    async with bng_process(tmp_path / "bng.sqlite") as (_, _, admin_url):
        bng = BngAdmin(admin_url)
        customer = bng.create("customers", **samples.customer(), by="ida")
        assert bng.edit("customers", customer["CustomerID"], Phone="1", by="ben")["UpdatedBy"] == "ben"
        bng.create("sales_orders", **samples.order(customer["CustomerID"], ("MUG-WHITE", "2", "9.99"), ExternalID="1"))
        invoice = bng.invoice("1", [{"LineNo": 1, "Quantity": "1"}])
        bng.pay(invoice["InvoiceID"])
        bng.credit(invoice["InvoiceID"], [{"LineNo": 2, "Quantity": "1"}])
        bng.pay(invoice["InvoiceID"], Amount="-5.95", TransactionID="r1")
        bng.close_period("2025-03")
        with pytest.raises(CallFailed, match="closed-period"):
            bng.create("gl_entries", **samples.gl_entry())
        bng.close_period("2025-03", closed=False)
        bng.create("gl_entries", **samples.gl_entry())
        vendor = bng.create("vendors", Name="Töpferei")
        bng.create("purchase_orders", **samples.purchase_order(vendor["VendorID"], ExternalID="b1"))
        assert bng.receive("b1")["Status"] == "received"
        book = bng.book()
    assert [each["Balance"] for each in book["invoices"]] == ["0.00", "0.00"]
    assert [each["Amount"] for each in book["payments"]] == ["15.94", "-5.95"]
    assert len(book["gl_entries"]) == 1
