"""`bridgectl bundle` as an operator uses it: files on one machine, the daemon's socket on another, and the history."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.component.test_admin import Bridge, Ended, bridgectl, operated
from tests.component.test_bridge_program import GOOD, assert_one_sentence, run
from tests.support.bridge import until
from tests.support.bundles import NAME, write_mappings
from tests.support.mappings import TEMPLATES

from bng_bridge import mapping_reload
from bng_bridge.bundles.depot import Depot
from bng_bridge.cli import main as bng_bridge

NOBODY = Path("/nonexistent/admin.sock")


@pytest.fixture(autouse=True)
def _ida(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ida")


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """In production, with nothing deployed yet."""
    async with operated(tmp_path) as made:
        config = made.running.config
        in_production = config.model_copy(update={"bridge": config.bridge.model_copy(update={"mode": "production"})})
        object.__setattr__(made.running, "config", in_production)  # frozen, and shared with the socket
        here = replace(made.running.reload.installation, is_production=True)
        made.running.reload.installation = here
        yield made


async def built(folder: Path, phone: str, *options: str, expected: str | None = None) -> tuple[Path, Ended]:
    """On the machine of a developer, where no bridge runs."""
    write_mappings(folder / phone / "mappings", phone, expected=expected)
    out = folder / f"shop-{phone}.bundle"
    return out, await ctl("build", "--mappings", str(folder / phone / "mappings"), str(out), *options)


async def ctl(*arguments: str) -> Ended:
    return await bridgectl(NOBODY, "bundle", *arguments)


def phone_of(bridge: Bridge) -> str:
    shipped = TEMPLATES / NAME
    document, context = (json.loads((shipped / name).read_bytes()) for name in ("guest.in.json", "context.json"))
    return str(bridge.running.context.mappings("shop1", NAME)(document, **context)["Phone"])


async def test_a_bundle_is_promoted_one_with_failing_tests_refused_and_it_is_rolled_back_in_one_command(
    bridge: Bridge, tmp_path: Path
) -> None:
    template = phone_of(bridge)
    first, done = await built(tmp_path / "dev", "1")
    assert (done.code, done.out.splitlines()[0]) == (0, "1 cases passed; reached 20 of 20 rules")
    deployed = await bridge.ctl("bundle", "deploy", str(first), "--note", "go live")
    assert deployed.code == 0, deployed.err
    assert re.fullmatch(r"[0-9a-f]{12} shop-1 [0-9a-f]{12}: in force now\n", deployed.out)
    assert phone_of(bridge) == "1" != template

    refused, failed = await built(tmp_path / "dev", "2", expected="3")
    assert (failed.code, refused.exists()) == (1, False)
    assert 'guest: Phone is "2", expected is "3"' in failed.out
    _, forced = await built(tmp_path / "dev", "2", "--even-failing", expected="3")
    assert forced.code == 0
    ended = await bridge.ctl("bundle", "deploy", str(refused))
    assert (ended.code, phone_of(bridge)) == (1, "1")
    assert "built with failing tests (1 of 1 cases failed)" in ended.err

    third, _ = await built(tmp_path / "dev", "4")
    answer = (await bridge.ctl("bundle", "deploy", str(third), "--json")).json()
    assert (answer["is_new"], answer["by"], answer["out_of_force"], phone_of(bridge)) == (True, "ida", [], "4")
    back = await bridge.ctl("bundle", "rollback", "--note", "wrong number")
    assert (back.code, phone_of(bridge)) == (0, "1")
    assert "in force now" in back.out

    history = (await bridge.ctl("bundle", "history", "--json")).json()
    assert (history["mode"], history["in_force"]) == ("production", history["entries"][0]["identity"])
    assert [(each["action"], each["by"], each["note"], each["name"]) for each in history["entries"]] == [
        ("deploy", "ida", "go live", "shop-1"), ("deploy", "ida", "", "shop-4"),
        ("rollback", "ida", "wrong number", "shop-1"),
    ]  # fmt: skip
    assert [each["tests"]["passed"] for each in history["entries"]] == [True, True, True]
    table = (await bridge.ctl("bundle", "history")).out.splitlines()
    assert [line.split()[-1] for line in table[1:4]] == ["number", "passed", "live"]
    assert "This bridge is in production mode." in table[-1]

    status = (await bridge.ctl("status", "--json")).json()["mappings"]
    assert status["bundle"] == history["in_force"]
    reload = await bridge.ctl("map", "reload")
    assert f"From the bundle {history['in_force'][:12]} (production mode)" in reload.out


async def test_the_same_file_twice_is_no_change(bridge: Bridge, tmp_path: Path) -> None:
    first, _ = await built(tmp_path, "1")
    await bridge.ctl("bundle", "deploy", str(first))
    again = await bridge.ctl("bundle", "deploy", str(first))
    assert (again.code, "in force already, since 20" in again.out) == (0, True)


async def test_without_a_bundle_a_bridge_in_production_refuses_to_reload_and_says_what_to_do(bridge: Bridge) -> None:
    ended = await bridge.ctl("map", "reload")
    assert ended.code == 1
    assert "No bundle is deployed, and in production nothing else counts. bridgectl bundle deploy FILE" in ended.out
    history = await bridge.ctl("bundle", "history")
    assert (history.code, history.out) == (0, "No bundle was deployed here yet (production).\n")


async def test_a_file_that_is_changed_where_it_lies_is_refused_with_an_alert_and_what_is_in_force_stays(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noticed by itself: the folder is watched."""
    monkeypatch.setattr(mapping_reload, "QUIET_S", 0.02)
    watching = asyncio.create_task(bridge.running.reload.run())
    first, _ = await built(tmp_path, "1")
    answer = (await bridge.ctl("bundle", "deploy", str(first), "--json")).json()
    file = bridge.running.reload.installation.depot.folder_of(answer["identity"]) / "mappings" / f"{NAME}.yaml"
    held = file.read_text()
    file.chmod(0o644)
    file.write_text(held.replace("'1'", "'2'"))
    await until("the alert", lambda: bool(bridge.running.alerts.active()))
    (alert,) = bridge.running.alerts.active()
    assert (alert.key, phone_of(bridge)) == ("mappings-refused", "1")
    assert f"mappings/{NAME}.yaml was changed" in alert.subject
    assert alert.hint.startswith("Deploy it again, or go back: bridgectl bundle deploy FILE")
    assert (await bridge.ctl("map", "reload")).code == 1
    assert (await bridge.ctl("status", "--json")).json()["mappings"]["bundle"] == answer["identity"]

    again = await bridge.ctl("bundle", "deploy", str(first))
    assert (again.code, bridge.running.alerts.active(), file.read_text()) == (0, [], held)
    watching.cancel()


async def test_a_folder_of_the_configuration_is_named_while_a_bundle_has_precedence(
    bridge: Bridge, tmp_path: Path
) -> None:
    folder = write_mappings(tmp_path / "own", "own")
    here = replace(bridge.running.reload.installation, is_production=False, own={"mappings": folder})
    bridge.running.reload.installation = here
    await bridge.ctl("map", "reload")
    assert phone_of(bridge) == "own"
    first, _ = await built(tmp_path, "1")
    sentence = f"The files of {folder} do not count while a bundle is deployed."
    assert sentence in (await bridge.ctl("bundle", "deploy", str(first))).out
    write_mappings(folder, "edited")
    assert sentence in (await bridge.ctl("map", "reload")).out
    assert phone_of(bridge) == "1"
    back = await bridge.ctl("bundle", "rollback")
    assert ("no bundle: in force now" in back.out, phone_of(bridge)) == (True, "edited")


async def test_a_diff_is_against_the_deployed_bundle(bridge: Bridge, tmp_path: Path) -> None:
    first, _ = await built(tmp_path, "1")
    answer = (await bridge.ctl("bundle", "deploy", str(first), "--json")).json()
    kept = bridge.running.reload.installation.depot.folder_of(answer["identity"])
    assert bridge.running.reload.folder == kept / "mappings"


async def test_verify_prints_what_is_in_it_and_tests_it_here(bridge: Bridge, tmp_path: Path) -> None:
    first, _ = await built(tmp_path, "1", "--version", "1.4")
    alone = await ctl("verify", str(first))
    assert alone.code == 0
    assert re.match(r"[0-9a-f]{12} shop-1 1.4\nbuilt by ida on .+ UTC, with ", alone.out)
    assert f"mappings/{NAME}.yaml" in alone.out
    assert "No bridge answers here: its sites were not compared." in alone.out
    answer = (await bridge.ctl("bundle", "verify", str(first), "--json")).json()
    assert (answer["ok"], answer["here"]["cases"], answer["here"]["sites"]) == (True, 1, ["shop1"])
    assert answer["here"]["mapping_set"] == answer["mapping_set"]
    assert bridge.running.context.mappings.bundle == ""


async def test_verify_ends_with_1_for_what_production_would_refuse(bridge: Bridge, tmp_path: Path) -> None:
    failing, _ = await built(tmp_path, "2", "--even-failing", expected="3")
    ended = await bridge.ctl("bundle", "verify", str(failing))
    assert (ended.code, "In production this is refused." in ended.out) == (1, True)
    assert "where it was built: 1 of 1 cases failed" in ended.out

    write_mappings(tmp_path / "dev" / "mappings", "7", site="shop7")
    other = tmp_path / "other.bundle"
    assert (await ctl("build", "--mappings", str(tmp_path / "dev" / "mappings"), str(other))).code == 0
    assert (await ctl("verify", str(other))).code == 0
    here = await bridge.ctl("bundle", "verify", str(other))
    assert (here.code, "there is no site shop7" in here.out) == (1, True)

    data = bytearray(other.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)
    damaged = await ctl("verify", str(other))
    assert (damaged.code, damaged.out) == (1, "")
    assert "not as it was built" in damaged.err


async def test_a_damaged_file_is_not_deployed(bridge: Bridge, tmp_path: Path) -> None:
    first, _ = await built(tmp_path, "1")
    first.write_bytes(first.read_bytes()[:-600])
    ended = await bridge.ctl("bundle", "deploy", str(first))
    assert (ended.code, ended.err.startswith("It is no")) == (1, True)
    assert bridge.running.reload.installation.depot.entries() == []


async def test_build_takes_the_folder_of_the_kind_s_name_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = await ctl("build", "x.bundle")
    assert (missing.code, "name a folder: --mappings DIR" in missing.err) == (64, True)
    (tmp_path / "mappings").mkdir()
    empty = await ctl("build", "x.bundle")
    assert (empty.code, empty.err) == (1, "There are no files in mappings.\n")
    write_mappings(tmp_path / "mappings", "1")
    answer: dict[str, Any] = (await ctl("build", "x.bundle", "--json", "--name", "shop")).json()
    assert (answer["packed"], answer["name"], answer["built_by"], answer["findings"]) == (True, "shop", "ida", [])
    assert (await ctl("build", "none/x.bundle")).err.startswith("none/x.bundle cannot be written: No such file")


async def test_the_daemon_says_so_when_it_does_not_run(tmp_path: Path) -> None:
    first, _ = await built(tmp_path, "1")
    for command in (("deploy", str(first)), ("rollback",), ("history",)):
        assert (await ctl(*command)).code == 3


async def test_a_bridge_in_production_without_its_bundle_ends_with_a_sentence_and_can_be_mended_while_it_is_down(
    tmp_path: Path,
) -> None:
    config = tmp_path / "bridge.toml"
    for name, secret in (("broker", "b"), ("bng", "c"), ("webhook", "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), ("token", "t")):
        (tmp_path / name).write_text(secret)
    config.write_text(GOOD.format(folder=tmp_path).replace("[broker]", 'mode = "production"\n\n[broker]', 1))
    (tmp_path / "state").mkdir()
    first, _ = await built(tmp_path / "dev", "1")
    failing, _ = await built(tmp_path / "dev", "2", "--even-failing", expected="3")

    async def program(*arguments: str) -> Any:
        return await asyncio.to_thread(run, *arguments, "--config", str(config))

    for command in ("run", "config check"):
        assert_one_sentence(
            await program(*command.split()), 78, "No bundle is deployed", "bng-bridge bundle deploy FILE"
        )
    assert_one_sentence(await program("bundle", "deploy", str(failing)), 78, "built with failing tests")
    done = await program("bundle", "deploy", str(first), "--note", "first")
    assert (
        done.returncode,
        done.stdout.endswith(": in force from the next start on, where the bridge runs at once\n"),
    ) == (0, True)
    assert (await program("config", "check")).returncode == 0

    depot = Depot(tmp_path / "state" / "bundles")
    file = depot.folder_of(depot.in_force()) / "mappings" / f"{NAME}.yaml"
    file.unlink()
    assert_one_sentence(await program("run"), 78, f"mappings/{NAME}.yaml is missing", "bng-bridge bundle deploy FILE")
    assert_one_sentence(await program("bundle", "rollback"), 78, "No bundle was in force before")
    again = await program("bundle", "deploy", str(first))
    assert (again.returncode, again.stdout.endswith(": was in force already\n"), file.exists()) == (0, True, True)


def test_another_user_than_the_bridge_s_may_not_change_its_bundles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root made there the bridge could not replace."""
    (tmp_path / "state").mkdir()
    config = tmp_path / "bridge.toml"
    config.write_text(GOOD.format(folder=tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    ended = CliRunner().invoke(bng_bridge, ["bundle", "rollback", "--config", str(config)])
    assert (ended.exit_code, "belongs to another user. Run this as that one: sudo -u" in ended.stderr) == (78, True)
    assert not (tmp_path / "state" / "bundles").exists()


async def test_in_production_a_folder_for_edited_files_is_a_mistake(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(
        GOOD.format(folder=tmp_path).replace(
            "[broker]", f'mode = "production"\nmappings_dir = "{tmp_path}"\n[broker]', 1
        )
    )
    ended = await asyncio.to_thread(run, "config", "check", "--config", str(config))
    assert_one_sentence(
        ended, 78, "bridge.toml:1: bridge: ", "in production only deployed bundles count: remove mappings_dir"
    )
