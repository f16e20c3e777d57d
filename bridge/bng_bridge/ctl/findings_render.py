"""What `check` and `test` of files found, for a person and for programs."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.text import Text

from bng_bridge.ctl.console import console

if TYPE_CHECKING:
    from bng_bridge.mapping.cases import Tested
    from bng_bridge.mapping.findings import Finding


def end_check(found: "Sequence[Finding]", files: int, *, as_json: bool) -> NoReturn:
    """Of so many files. The exit code is 1 with a finding."""
    if as_json:
        click.echo(json.dumps({"ok": not found, "files": files, "findings": findings_json(found)}))
    else:
        _checked(found, files)
    raise SystemExit(1 if found else 0)


def end_test(found: "Sequence[Finding]", results: "Sequence[Tested]", *, as_json: bool, missed: bool) -> NoReturn:
    """With `missed` a person is also told what no case reaches. The exit code is 1 with a finding."""
    if as_json:
        files = [_coverage_json(each) for each in results]
        click.echo(json.dumps({"ok": not found, "files": files, "findings": findings_json(found)}))
    else:
        _tested(found, results, missed=missed)
    raise SystemExit(1 if found else 0)


def _checked(found: "Sequence[Finding]", files: int) -> None:
    findings(found)
    wrong = len({each.at.file for each in found})
    console().print(Text(f"{files - wrong} of {files} files clean", style="red" if found else "green"))


def _tested(found: "Iterable[Finding]", results: "Iterable[Tested]", *, missed: bool) -> None:
    target = console()
    findings(found)
    for each in results:
        (rules, all_rules), (entries, all_entries) = each.coverage.counts()
        tables = f", {entries} of {all_entries} table entries" if all_entries else ""
        differences = f"{len(each.findings)} differences" if each.findings else "all as expected"
        line = f"{each.path}: {each.cases} cases, {differences}; reached {rules} of {all_rules} rules{tables}"
        target.print(Text(line, style="red" if each.findings else "green"), soft_wrap=True)
        for mark in each.coverage.missed() if missed else ():
            target.print(f"  not reached: {mark.at} {mark.name}", soft_wrap=True)


def findings(found: "Iterable[Finding]") -> None:
    """One a line, never wrapped: editors jump to file:line:column."""
    target = console()
    for each in found:
        place = str(each.at)
        target.print(Text(place, style="bold") + Text(str(each).removeprefix(place)), soft_wrap=True)


def findings_json(found: "Iterable[Finding]") -> list[dict[str, Any]]:
    return [
        {
            "file": each.at.file, "line": each.at.line, "column": each.at.column, "field": each.field,
            "message": each.message, "hint": each.hint,
        }
        for each in found
    ]  # fmt: skip


def _coverage_json(result: "Tested") -> dict[str, Any]:
    (rules, all_rules), (entries, all_entries) = result.coverage.counts()
    return {
        "file": str(result.path), "cases": result.cases, "rules": all_rules, "rules_reached": rules,
        "entries": all_entries, "entries_reached": entries,
        "missed": [{"at": str(mark.at), "name": mark.name} for mark in result.coverage.missed()],
    }  # fmt: skip
