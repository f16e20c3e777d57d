"""`run` and `once` at the command line: a mistake at the start ends in one sentence with its remedy, and an exit code."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bridge_common.errors import AccessDenied, BridgeError, ConfigError, TargetUnavailable
from magento_agent import daemon

from .doubles import until
from .rig import Rig, program


async def test_once_carries_everything_that_waits_and_ends(rig: Rig) -> None:
    for number in range(1, 121):
        rig.shop.put("order", number)
        rig.database.note("order", number)
    rig.database.note("customer", 3, "D")
    code, output, errors = await program("once", "--json", "--config", str(rig.write_config()))
    assert code == 0, errors
    counts = json.loads(output)
    assert (counts["events"], counts["deleted_rows"]) == (121, 121)
    assert rig.database.waiting() == []
    assert len(rig.bridge.events) == 121
    await until("it says offline", lambda: rig.bridge.statuses[-1]["state"] == "offline")


async def test_once_with_nothing_waiting_ends_at_once(rig: Rig) -> None:
    code, output, _ = await program("once", "--config", str(rig.write_config()))
    assert (code, output) == (0, "0 events in 0 batches published and receipted; 0 rows deleted.\n")


async def test_once_ends_with_69_when_no_receipt_comes(rig: Rig) -> None:
    rig.bridge.receipts = False
    rig.shop.put("order", 1)
    rig.database.note("order", 1)
    code, _, errors = await program("once", "--config", str(rig.write_config(receipt_timeout_s=0.5)))
    assert code == 69
    assert "1 batches are published, and no receipt came within 0.5 s." in errors
    assert rig.database.waiting() == [1]


async def test_once_ends_with_69_when_the_bridge_does_not_answer(rig: Rig) -> None:
    rig.bridge.welcomes = False
    code, _, errors = await program("once", "--config", str(rig.write_config(receipt_timeout_s=0.5)))
    assert code == 69
    assert "The bridge did not answer within 0.5 s. Check that bng-bridge runs" in errors
    assert "Traceback" not in errors


async def test_once_tells_why_the_shop_cannot_be_read(rig: Rig) -> None:
    rig.shop.answer = lambda request: web.Response(status=503) if request.path.endswith("/orders") else None
    rig.database.note("order", 1)
    code, _, errors = await program("once", "--config", str(rig.write_config(receipt_timeout_s=0.5)))
    assert code == 69
    assert "GET /V1/orders answered 503" in errors


async def test_sigterm_ends_the_service_with_0_and_offline(rig: Rig) -> None:
    async with running(rig) as process:
        await until("the agent is welcomed", lambda: rig.bridge.statuses and rig.bridge.statuses[-1].get("epoch"))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    await until("it says offline", lambda: rig.bridge.statuses[-1]["state"] == "offline")


async def test_a_killed_agent_is_said_to_be_offline_by_the_broker(rig: Rig) -> None:
    async with running(rig) as process:
        await until("the agent is welcomed", lambda: rig.bridge.statuses and rig.bridge.statuses[-1].get("epoch"))
        process.kill()
        await until("the last will arrives", lambda: rig.bridge.statuses[-1] == {"state": "offline", "site": "shop1"})


async def test_a_second_agent_in_the_same_folder_is_refused(rig: Rig) -> None:
    async with rig.agent():
        await until("the agent is welcomed", lambda: rig.bridge.statuses and rig.bridge.statuses[-1].get("epoch"))
        code, _, errors = await program("once", "--config", str(rig.folder / "agent.toml"))
        assert code == 69
        assert "Another magento-agent is running" in errors


async def test_a_mistake_at_the_start_ends_in_one_line(rig: Rig) -> None:
    rig.shop.token = "another"
    code, _, errors = await program("run", "--config", str(rig.write_config()))
    assert code == 77
    lines = [line for line in errors.splitlines() if not line.startswith("action=")]
    assert len(lines) == 1
    assert "answered 401: The consumer isn't authorized" in lines[0]
    assert "enable_integration_as_bearer" in lines[0]


async def start(rig: Rig, **outbox: object) -> BridgeError:
    """What the start ends with."""
    with pytest.raises(BridgeError) as caught:
        async with asyncio.timeout(15):
            await daemon.run(rig.config(**outbox), asyncio.Event())
    return caught.value


async def test_a_wrong_database_password(rig: Rig) -> None:
    rig.database.agent_password = "wrong"
    error = await start(rig)
    assert isinstance(error, AccessDenied)
    assert "Check user and password_file in [outbox]" in error.sentence()


async def test_an_outbox_that_is_not_installed(rig: Rig) -> None:
    rig.database.execute("DROP TABLE bng_outbox")
    error = await start(rig)
    assert isinstance(error, ConfigError)
    assert error.sentence().startswith("There is no table 'bng_outbox' in database")
    assert "magento-agent outbox install" in error.sentence()


@pytest.mark.parametrize("missing", ["SELECT", "DELETE"])
async def test_a_right_that_is_missing_on_the_outbox(rig: Rig, missing: str) -> None:
    database, user = rig.database.shop.database, rig.database.agent_user
    rig.database.server.execute_root(f"REVOKE {missing} ON {database}.bng_outbox FROM %s@'localhost'", (user,))
    error = await start(rig)
    assert isinstance(error, AccessDenied)
    grant = f"GRANT SELECT, INSERT, DELETE ON `{database}`.`bng_outbox` TO '{user}'@'localhost';"
    assert error.hint == f"Run as an administrator: {grant}"


async def test_a_database_that_is_not_there(rig: Rig, tmp_path: Path) -> None:
    error = await start(rig, socket=tmp_path / "no.sock")
    assert isinstance(error, TargetUnavailable)
    assert "cannot be reached" in error.sentence()


async def test_a_shop_that_is_not_there(rig: Rig) -> None:
    await rig.shop.stop()
    error = await start(rig)
    assert isinstance(error, TargetUnavailable)
    await rig.shop.start()


async def test_an_address_that_is_no_magento(rig: Rig) -> None:
    rig.shop.answer = lambda _request: web.Response(status=404, text="<html>", content_type="text/html")
    error = await start(rig)
    assert isinstance(error, ConfigError)
    assert "does not answer as a Magento shop" in error.sentence()
    assert "[magento] base_url" in error.sentence()


async def test_a_wrong_broker_password(rig: Rig) -> None:
    rig.broker.users["shop1"] = "wrong"
    error = await start(rig)
    assert isinstance(error, AccessDenied)
    assert "refuses user 'shop1'" in error.sentence()


async def test_a_broker_that_is_not_there(rig: Rig) -> None:
    rig.broker.kill()
    error = await start(rig)
    assert isinstance(error, TargetUnavailable)
    assert "Check [broker] host and port" in error.sentence()


async def test_a_broker_whose_acl_does_not_know_the_site(rig: Rig) -> None:
    rig.broker.acl = "user bridge\ntopic readwrite bng-bridge/#\n"
    rig.broker.reload()
    error = await start(rig)
    assert isinstance(error, AccessDenied)
    assert "The broker does not let user 'shop1' speak for site 'shop1'" in error.sentence()
    assert "pattern write bng-bridge/v1/%u/up/#" in error.sentence()


async def test_a_state_directory_that_cannot_be_made(rig: Rig) -> None:
    (rig.folder / "state").write_text("a file")
    error = await start(rig)
    assert isinstance(error, ConfigError)
    assert "[agent] state_dir must be writable" in error.sentence()


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[asyncio.subprocess.Process]:
    async with rig.dying_agent() as process:
        yield process


async def test_the_shops_own_schema_is_saved(rig: Rig, tmp_path: Path) -> None:
    models = {"definitions": {"sales-data-order-interface": {"properties": {"gift_note": {"type": "string"}}}}}
    asked: list[str] = []

    def answer(request: web.Request) -> web.Response | None:
        asked.append(request.path_qs)
        return web.json_response(models)

    rig.shop.answer = answer
    file = tmp_path / "shop1.json"
    code, output, errors = await program("schema", "-o", str(file), "--config", str(rig.write_config()))
    assert (code, errors) == (0, "")
    assert output.startswith(f"{file}: ")
    assert asked == ["/rest/all/schema?services=all"]
    assert json.loads(file.read_text()) == models
    nowhere = tmp_path / "absent" / "shop1.json"
    code, _, errors = await program("schema", "-o", str(nowhere), "--config", str(rig.write_config()))
    assert (code, errors) == (78, f"{nowhere} cannot be written: No such file or directory.\n")


async def test_an_answer_without_models_is_no_schema(rig: Rig) -> None:
    rig.shop.answer = lambda _request: web.json_response({"message": "hello"})
    code, output, errors = await program("schema", "--config", str(rig.write_config()))
    assert (code, output) == (69, "")
    assert "answered with no schema. Check [magento] base_url" in errors
