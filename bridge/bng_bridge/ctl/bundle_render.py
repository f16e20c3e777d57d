"""What `bridgectl bundle` found and did, for a person."""

from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.console import console

SHORT = 12


def built(answer: dict[str, Any], *, out: Path) -> None:
    target = console()
    _findings(target, answer)
    target.print(_result_and_coverage(answer["tests"]))
    if not answer["packed"]:
        target.print("Nothing was packed. Mend it, or pack it all the same with --even-failing: production refuses it.")
        return
    target.print(f"{_name(answer)}: {len(answer['files'])} files → {out}", soft_wrap=True)


def verified(answer: dict[str, Any]) -> None:
    target, here = console(), answer["here"]
    target.print(Text(_name(answer), style="bold"), soft_wrap=True)
    who, when = f"{answer['built_by']} on {answer['built_on']}", moment(answer["built_at"])
    target.print(f"built by {who}, {when}, with {answer['program']}", soft_wrap=True)
    target.print(f"from {answer['parent'][:SHORT]}" if answer["parent"] else "from no other bundle")
    for name, value in answer["files"].items():
        target.print(f"  {value[:SHORT]} {name}", soft_wrap=True)
    target.print("where it was built:", _result_and_coverage(answer["tests"]))
    _findings(target, answer)
    target.print("here:", _result_and_coverage(here))
    if here["sites"] is None:
        target.print("No bridge answers here: its sites were not compared.")
    is_same = here["mapping_set"] == answer["mapping_set"]
    if here["mapping_set"] and not is_same:
        target.print("Something that comes with the bridge differs from where it was built: templates or plug-ins.")
    if not answer["ok"]:
        target.print(Text("In production this is refused.", style="red"))


def changed(answer: dict[str, Any]) -> None:
    target = console()
    name = _name(answer) if answer["identity"] else "no bundle"
    word = "in force now" if answer["is_new"] else f"in force already, since {moment(answer['at'])}"
    target.print(f"{name}: {word}", soft_wrap=True)
    if answer["tests"] and not answer["tests"]["passed"]:
        target.print(Text(f"It was built with failing tests: {_sentence(answer['tests'])}.", style="red"))
    if answer["is_new"] and answer["previous"]:
        target.print(f"before: {answer['previous'][:SHORT]}; back to it: bridgectl bundle rollback")
    for folder in answer["out_of_force"]:
        target.print(f"The files of {folder} do not count while a bundle is deployed.", soft_wrap=True)


def history(answer: dict[str, Any]) -> None:
    target = console()
    if not answer["entries"]:
        target.print(f"No bundle was deployed here yet ({answer['mode']}).")
        return
    table = Table("since", "bundle", "name", "by", "how", "tests", "note", box=None, pad_edge=False)
    for number, entry in enumerate(reversed(answer["entries"])):
        found = entry["tests"]
        table.add_row(
            moment(entry["at"]), entry["identity"][:SHORT] or "none", f"{entry['name']} {entry['version']}".strip(),
            entry["by"], entry["action"], Text("-") if found is None else _result(found), entry["note"],
            style="bold" if number == 0 else "",
        )  # fmt: skip
    target.print(table)
    target.print(f"In force is the first line. This bridge is in {answer['mode']} mode.")


def _result(found: dict[str, Any]) -> Text:
    return Text(_sentence(found), style="green" if found["passed"] else "red")


def _result_and_coverage(found: dict[str, Any]) -> Text:
    entries = f", {found['entries_reached']} of {found['entries']} table entries" if found["entries"] else ""
    return _result(found) + Text(f"; reached {found['rules_reached']} of {found['rules']} rules{entries}")


def moment(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC")


def _sentence(found: dict[str, Any]) -> str:
    if found["failed"]:
        return f"{found['failed']} of {found['cases']} cases failed"
    return f"{found['cases']} cases passed" if found["passed"] else "mistakes"


def _name(answer: dict[str, Any]) -> str:
    return f"{answer['identity'][:SHORT]} {answer['name']} {answer['version']}"


def _findings(target: Console, answer: dict[str, Any]) -> None:
    for each in answer["findings"]:
        target.print(Text(each, style="red"), soft_wrap=True)
