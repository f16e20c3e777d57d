"""`bridgectl map`: check, test and try mapping files. It works on files alone; no daemon has to run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bng_bridge.ctl import findings_render, map_live
from bng_bridge.ctl.command import json_option
from bng_bridge.ctl.files import file_command, files_argument, files_in, folders_in, json_of
from bng_bridge.mapping import templates
from bridge_common.errors import ConfigError

if TYPE_CHECKING:
    from bng_bridge.mapping.cases import Tested
    from bng_bridge.mapping.findings import Finding
    from bng_bridge.mapping.schemas import Schemas

schema_option = click.option(
    "--schema", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The shop's own description of its models: the answer of GET /rest/all/schema, saved. "
    "Without it: Magento's common fields.",
)  # fmt: skip


@click.group("map")
def map_group() -> None:
    """Check, test and try mapping files, which say what becomes which field; only `reload` and `diff` ask the daemon.

    \b
      bridgectl map check                          the templates that come with the bridge
      bridgectl map check my/orders.yaml           a file of yours: every mistake with file:line:column
      bridgectl map test my/orders.yaml            its cases in my/orders/, and which rules they reach
      bridgectl map try my/orders.yaml order.json --context time_zone=Europe/Berlin
      bridgectl map diff my/order-to-sales-order.yaml
                                                   what it would change in the last stored orders
      bridgectl map reload                         put the files of mappings_dir in force now

    Exit codes: 0 clean, 1 something was found, 64 misuse. docs/mapping.md explains the files.
    """


map_group.add_command(map_live.reload)
map_group.add_command(map_live.diff)


@map_group.command()
@files_argument
@schema_option
@click.option("--flows", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Your flows_dir, where its flows give mappings more than the shipped ones do.")  # fmt: skip
@json_option
@file_command
def check(files: tuple[Path, ...], schema: Path | None, flows: Path | None, as_json: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """Hold FILES to both schemas: paths, fields, required ones, table values, functions. Without FILES: the templates.

    \b
    A mistake looks so:
      orders.yaml:34:9: fields.Total: magento/order has no field grand_totl. Did you mean grand_total?
    """
    from bng_bridge.flow_files.fit import ungiven
    from bng_bridge.flow_files.flow_set import load_flows
    from bng_bridge.mapping.findings import MappingFileError
    from bng_bridge.mapping.mapping_file import load
    from bng_bridge.mapping.mapping_set import misfits

    in_use = load_flows(flows, folders_in(flows)).of_site("")
    found: dict[Path, tuple[Finding, ...]] = {}
    schemas = _schemas(schema)
    for path in files_in(files, templates.folder()):
        try:
            mapping = load(path, schemas=schemas)
            found[path] = (*misfits(mapping), *ungiven(mapping, in_use, path.stem))
        except MappingFileError as error:
            found[path] = error.findings
    findings = [each for several in found.values() for each in several]
    findings_render.end_check(findings, len(found), as_json=as_json)


@map_group.command()
@files_argument
@schema_option
@json_option
@click.option("--missed", is_flag=True, help="Also list the rules and table entries that no case reaches.")
@file_command
def test(files: tuple[Path, ...], schema: Path | None, as_json: bool, missed: bool) -> None:  # noqa: FBT001
    """Run the cases beside FILES and print which rules and table entries they reach. Without FILES: the templates.

    \b
    Beside orders.yaml, in the folder orders/:
      CASE.in.json        the document
      CASE.out.json       what must come out, or
      CASE.error.txt      lines that must stand in the error
      context.json        the context of all cases; CASE.context.json of one
    """
    from bng_bridge.mapping.cases import test_file
    from bng_bridge.mapping.findings import MappingFileError

    tested: list[Tested] = []
    findings: list[Finding] = []
    schemas = _schemas(schema)
    for path in files_in(files, templates.folder()):
        try:
            tested.append(test_file(path, schemas))
            findings += tested[-1].findings
        except MappingFileError as error:
            findings += error.findings
    findings_render.end_test(findings, tested, as_json=as_json, missed=missed)


@map_group.command("try")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("sample", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--context", "given", multiple=True, metavar="NAME=VALUE",
              help="A value of the context; a number, true, false, null or JSON is taken as such.")  # fmt: skip
@schema_option
@file_command
def try_(file: Path, sample: Path, given: tuple[str, ...], schema: Path | None) -> None:
    """Map SAMPLE (a JSON document, or - for standard input) by FILE and print what comes out as JSON.

    The context is FILE's context.json (see `map test`), with what --context says instead. Exit code 1 when the document
    cannot be mapped; the error then says the field and the line.
    """
    from bng_bridge.mapping import cases
    from bng_bridge.mapping.findings import MappingFileError
    from bng_bridge.mapping.mapping_file import load
    from bridge_common import decimal_json

    try:
        mapping = load(file, schemas=_schemas(schema))
    except MappingFileError as error:
        findings_render.findings(error.findings)
        raise SystemExit(1) from error
    document = json_of(sample)
    try:
        context = cases.context_of(file, sample) | dict(_pair(each) for each in given)
    except ValueError as error:
        raise ConfigError(f"The context of {sample} is no JSON object: {error}") from error
    result, problem = cases.outcome(mapping, document, context)
    if result is None:
        click.echo(problem, err=True)
        raise SystemExit(1)
    click.echo(decimal_json.pretty(result))


def _schemas(file: Path | None) -> "Schemas":
    from bng_bridge.mapping.magento_shapes import ShopSchema
    from bng_bridge.mapping.schemas import Schemas

    return Schemas(shop=ShopSchema(file) if file else None)


def _pair(text: str) -> tuple[str, Any]:
    from bridge_common import decimal_json

    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"--context {text}: NAME=VALUE is wanted")
    try:
        return name, decimal_json.loads(value)
    except ValueError:
        return name, value
