"""`bridgectl flow`: check, test and try flow files, which needs no daemon; compare them and switch them in a running one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bng_bridge.ctl import findings_render, flow_live, flow_switch
from bng_bridge.ctl.command import json_option
from bng_bridge.ctl.files import file_command, files_argument, files_in, folders_in, json_of
from bng_bridge.flow_files import templates
from bridge_common.errors import ConfigError

if TYPE_CHECKING:
    from bng_bridge.mapping.cases import Tested
    from bng_bridge.mapping.findings import Finding
    from bng_bridge.mapping.mapping_set import MappingSet

mappings_option = click.option(
    "--mappings", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Your mappings_dir. Without it: the mapping files that come with the bridge.",
)  # fmt: skip


@click.group("flow")
def flow_group() -> None:
    """Check, test and try flow files, which say what happens for an event; diff, list, on and off ask the daemon.

    \b
      bridgectl flow check                         the flows that come with the bridge
      bridgectl flow check my/                     files of yours: every mistake with file:line:column
      bridgectl flow test my/order-to-sales-order.yaml
                                                   its cases, and which steps they reach
      bridgectl flow try my/order-to-sales-order.yaml case.json
                                                   what it would write for one event
      bridgectl flow diff my/order-to-sales-order.yaml
                                                   what it would do otherwise with the last stored orders
      bridgectl flow list                          which flows run for which site
      bridgectl flow on invoice-to-invoice --site shop1
                                                   let one run from now on

    Exit codes: 0 clean, 1 something was found, 64 misuse. docs/flows.md explains the files; `bridgectl map reload` puts
    them in force.
    """


for each in (flow_live.diff, flow_switch.list_, flow_switch.on, flow_switch.off):
    flow_group.add_command(each)


@flow_group.command()
@files_argument
@mappings_option
@json_option
@file_command
def check(files: tuple[Path, ...], mappings: Path | None, as_json: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """Hold FILES to what there is: events, operations, records, fields, mappings and their context. Without FILES: the
    templates.

    \b
    A mistake looks so:
      orders.yaml:12:11: steps.customer.when: buyer is set by a later step (line 20).
    """
    from bng_bridge.flow_files.checking import findings_of
    from bng_bridge.mapping.schemas import Schemas

    paths = files_in(files, templates.folder())
    findings = findings_of(paths, _mappings(mappings), Schemas())
    findings_render.end_check(findings, len(paths), as_json=as_json)


@flow_group.command()
@files_argument
@mappings_option
@json_option
@click.option("--missed", is_flag=True, help="Also list the steps that no case reaches.")
@file_command
def test(files: tuple[Path, ...], mappings: Path | None, as_json: bool, missed: bool) -> None:  # noqa: FBT001
    """Run the cases beside FILES and print which steps they reach. Without FILES: the templates.

    \b
    Beside orders.yaml, in the folder orders/:
      CASE.in.json        {"document": …, "site": …, "bound": …, "event": …, "answers": {STEP: what it is answered}}
      CASE.out.json       {"outcome": …, "reason": …, "writes": […], "emits": […]}; what is not said is not compared, or
      CASE.error.txt      lines that must stand in the failure
    """
    from bng_bridge.flow_files.cases import test_file
    from bng_bridge.flow_files.checking import with_sites
    from bng_bridge.mapping.findings import MappingFileError
    from bng_bridge.mapping.schemas import Schemas

    tested: list[Tested] = []
    findings: list[Finding] = []
    in_force = _mappings(mappings)
    for site, path in with_sites(files_in(files, templates.folder())):
        # A site's file that is given alone: its folder is one of the mappings', too.
        of = site or (path.parent.name if path.parent.name in folders_in(mappings) else "")
        try:
            tested.append(test_file(path, in_force, Schemas(), of))
            findings += tested[-1].findings
        except MappingFileError as error:
            findings += error.findings
    findings_render.end_test(findings, tested, as_json=as_json, missed=missed)


@flow_group.command("try")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("sample", type=click.Path(path_type=Path, allow_dash=True))
@mappings_option
@file_command
def try_(file: Path, sample: Path, mappings: Path | None) -> None:
    """Run FILE over SAMPLE (the CASE.in.json of `flow test`, or - for standard input) and print what it would do as JSON.

    Nobody is asked and nothing is written. Exit code 1 when the flow fails or waits.
    """
    from bng_bridge.flow_files.fit import misfits_of
    from bng_bridge.flow_files.flow_file import load
    from bng_bridge.flow_files.rehearsal import CaseError, rehearse
    from bng_bridge.mapping.findings import MappingFileError
    from bridge_common import decimal_json

    try:
        flow, in_force = load(file), _mappings(mappings)
        if found := tuple(misfits_of(flow, in_force, "")):
            raise MappingFileError(found)
        told = rehearse(flow, in_force, json_of(sample))
    except MappingFileError as error:
        findings_render.findings(error.findings)
        raise SystemExit(1) from error
    except CaseError as error:
        raise ConfigError(f"{sample}: {error}.") from error
    click.echo(decimal_json.pretty(told))
    raise SystemExit(1 if "error" in told else 0)


def _mappings(folder: Path | None) -> "MappingSet":
    from bng_bridge.mapping.mapping_set import load_mappings

    return load_mappings(folder, folders_in(folder))
