"""`bridgectl bundle`: configuration files as one tested thing, from development to production.

`build` and `verify` work on files; the others ask the daemon.
"""

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bng_bridge.bundles.kinds import KINDS
from bng_bridge.ctl import bundle_render
from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon, DaemonUnreachable
from bridge_common.errors import BridgeError, ConfigError
from bridge_common.person import who

if TYPE_CHECKING:
    from bng_bridge.bundles.bundle import Bundle
    from bng_bridge.bundles.examination import Examined

WAIT_S = 120.0
"""All cases are run before the answer."""

file_argument = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
note_option = click.option("--note", default="", help="Why; it stands in the history.")


@click.group("bundle")
def bundle_group() -> None:
    """Promote flow and mapping files as one tested, unchangeable thing: development → QA → production; docs/bundles.md.

    \b
      bridgectl bundle build --mappings my/mappings --flows my/flows shop-1.4.bundle
                                            check, run all cases, pack; nothing is packed when one fails
      bridgectl bundle verify shop-1.4.bundle
                                            is it whole, and do its tests pass here, too
      bridgectl bundle deploy shop-1.4.bundle --note "new carrier"
                                            put it in force at this bridge
      bridgectl bundle rollback             back to the one before
      bridgectl bundle history              what was in force since when, by whom

    Exit codes: 0 done, 1 refused or tests failed, 3 the daemon cannot be reached, 64 misuse.
    """


def kind_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for kind in KINDS:
        function = click.option(
            f"--{kind}", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
            help=f"The folder of the {kind}. Without it: ./{kind}, if it is there.",
        )(function)  # fmt: skip
    return function


@bundle_group.command()
@kind_options
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--name", help="Of the bundle. Without it: the name of OUT.")
@click.option("--version", default="", help="Without it: the beginning of the content's hash.")
@click.option(
    "--even-failing", is_flag=True, help="Pack it all the same; the bundle says so, and production refuses it."
)
@json_option
@partial(command, exit_code=1)
def build(out: Path, name: str | None, version: str, even_failing: bool, as_json: bool, **given: Path | None) -> None:  # noqa: FBT001
    """Check everything, run all cases and pack it into OUT, with hashes, the result, your name and the time.

    A folder has the form of mappings_dir and flows_dir: NAME.yaml and SITE/NAME.yaml, the cases beside
    them. Hidden files are left out.
    A file without a case counts as a test that failed. The same files give the same content, byte for byte.
    """
    from bng_bridge.bundles.building import build as built_of

    built = built_of(_folders(given), name=name or out.stem, version=version, by=who())
    tests = built.bundle.label.tests
    is_packed = tests.passed or even_failing
    if is_packed:
        _write(out, built.bundle.pack())
    answer = _described(built.bundle) | {"packed": is_packed, "findings": list(built.examined.findings)}
    show(answer, partial(bundle_render.built, out=out), as_json=as_json)
    raise SystemExit(0 if is_packed else 1)


@bundle_group.command()
@file_argument
@json_option
@click.pass_obj
@partial(command, exit_code=1)
def verify(daemon: Daemon, file: Path, as_json: bool) -> None:  # noqa: FBT001
    """Compare every hash of FILE, check it and run its cases here, and print what it holds. Nothing changes.

    Templates, plug-ins and sites of this installation may differ from those where it was built. Sites are compared where
    the daemon answers. Exit code 1 for whatever production would refuse.
    """
    from bng_bridge.bundles.bundle import read

    bundle = read(_read(file))
    sites = _sites(daemon)
    here = _examined(bundle, sites)
    answer = _described(bundle) | {
        "ok": here.tests.passed and bundle.label.tests.passed,
        "here": here.tests.model_dump() | {"mapping_set": here.mapping_set, "sites": sites},
        "findings": list(here.findings),
    }
    show(answer, bundle_render.verified, as_json=as_json)
    raise SystemExit(0 if answer["ok"] else 1)


@bundle_group.command()
@file_argument
@note_option
@json_option
@click.pass_obj
@command
def deploy(daemon: Daemon, file: Path, note: str, as_json: bool) -> None:  # noqa: FBT001
    """Put the bundle FILE in force at this bridge, at once and as a whole; or say why not, and then nothing changes.

    The bridge compares every hash, checks all and runs all cases itself. In production it takes only bundles whose tests
    passed. While a bundle is deployed, files in mappings_dir and flows_dir do not count.
    """
    body = {"bundle": base64.b64encode(_read(file)).decode(), "who": who(), "note": note}
    show(daemon.post("/bundle/deploy", body, timeout_s=WAIT_S), bundle_render.changed, as_json=as_json)


@bundle_group.command()
@click.option("--to", default="", metavar="IDENTITY",
              help="Another one that is kept, by the beginning of its identity; `none` for no bundle.")  # fmt: skip
@note_option
@json_option
@click.pass_obj
@command
def rollback(daemon: Daemon, to: str, note: str, as_json: bool) -> None:  # noqa: FBT001
    """Go back to what was in force before, at once. Once more goes further back, never to what was rolled back from.

    Before the first bundle there was none: then mappings_dir and flows_dir count again, or the templates. Not in production.
    """
    body = {"to": to, "who": who(), "note": note}
    show(daemon.post("/bundle/rollback", body, timeout_s=WAIT_S), bundle_render.changed, as_json=as_json)


@bundle_group.command()
@json_option
@click.pass_obj
@command
def history(daemon: Daemon, as_json: bool) -> None:  # noqa: FBT001
    """What was in force since when, who put it there and why, and what became of its tests; the newest first."""
    show(daemon.get("/bundle/history"), bundle_render.history, as_json=as_json)


def _folders(given: dict[str, Path | None]) -> dict[str, Path]:
    found = {kind: folder or Path(kind) for kind, folder in given.items() if folder or Path(kind).is_dir()}
    if not found:
        raise click.UsageError(f"name a folder: {', '.join(f'--{kind} DIR' for kind in KINDS)}")
    return found


def _described(bundle: "Bundle") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bundle.label.model_dump_json())
    return {"identity": bundle.identity} | found


def _examined(bundle: "Bundle", sites: list[str] | None) -> "Examined":
    import tempfile

    from bng_bridge.bundles.examination import examine
    from bng_bridge.bundles.files import spread

    with tempfile.TemporaryDirectory(prefix="bridge-bundle-") as folder:
        copy = Path(folder) / "copy"
        spread(bundle.contents, copy)
        return examine(copy, sites)


def _sites(daemon: Daemon) -> list[str] | None:
    """None where no daemon says so."""
    try:
        return list(daemon.get("/bundle/history")["sites"])
    except DaemonUnreachable:
        return None


def _read(file: Path) -> bytes:
    from bng_bridge.bundles.archive import MOST_ARCHIVE_BYTES

    try:
        if file.stat().st_size > MOST_ARCHIVE_BYTES:
            raise Unreadable(f"{file} is no bundle: it is larger than {MOST_ARCHIVE_BYTES >> 20} MB.")
        return file.read_bytes()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}.") from error


class Unreadable(BridgeError):
    exit_code = 1


def _write(out: Path, data: bytes) -> None:
    """Whole or not at all."""
    from bridge_common import durable

    try:
        durable.replace(out, data)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}.") from error
