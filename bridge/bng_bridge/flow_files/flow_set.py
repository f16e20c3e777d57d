"""All flow files of one moment, by the same rules as mapping files: see mapping.folders."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bng_bridge.flow_files import templates
from bng_bridge.flow_files.flow_file import Flow, load
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mapping.folders import ALL_SITES, Key, files_in, own_files
from bng_bridge.mapping.schemas import Schemas

Started = tuple[str, str]
"""What starts a flow: (event, kind)."""


@dataclass(frozen=True)
class FlowSet:
    """`own` are the keys of a user's own files."""

    identity: str
    own: frozenset[Key]
    _files: dict[Key, Flow]
    _started: dict[str, dict[Started, Flow]]

    def __call__(self, site: str, event: str, kind: str) -> Flow | None:
        """The flow that such an event of the site takes; '' for one of no site."""
        return self._started.get(site, self._started[ALL_SITES]).get((event, kind))

    def files(self) -> Iterator[tuple[str, str, Flow]]:
        """(site, name, flow), those for all sites first, with '' for the site."""
        for site, name in sorted(self._files):
            yield site, name, self._files[site, name]

    def of_site(self, site: str) -> list[Flow]:
        """Each flow that counts for the site, once."""
        return list(dict.fromkeys(self._started.get(site, self._started[ALL_SITES]).values()))


def load_flows(folder: Path | None, sites: Collection[str]) -> FlowSet:
    """The templates, and in their place the files of `folder`. Raises MappingFileError with all findings."""
    schemas, findings = Schemas(), list[Finding]()
    own = own_files(folder, sites, "flow", findings)
    loaded: dict[Key, Flow] = {}
    for key, path in (files_in(templates.folder()) | own).items():
        try:
            loaded[key] = load(path, schemas=schemas)
        except MappingFileError as error:
            findings += error.findings
    if findings:
        raise MappingFileError(findings)
    return flow_set(loaded, sites, frozenset(own))


def flow_set(loaded: dict[Key, Flow], sites: Collection[str], own: frozenset[Key]) -> FlowSet:
    """Raises MappingFileError where two files are started by one event, none by one that a template took, or flows have
    each other's events looked at.
    """
    findings: dict[Finding, None] = {}
    started = {}
    for site in (ALL_SITES, *sorted(sites)):
        of_site = _of_site(loaded, site)
        started[site] = _started(of_site, findings)
        findings |= dict.fromkeys(_left_out(of_site, started[site]))
        findings |= dict.fromkeys(_rounds(started[site]))
    if findings:
        raise MappingFileError(findings)
    parts = (f"{site}\0{name}\0{flow.identity}" for (site, name), flow in sorted(loaded.items()))
    return FlowSet(hashlib.sha256("\0".join(parts).encode()).hexdigest(), own, loaded, started)


def _of_site(loaded: dict[Key, Flow], site: str) -> dict[str, Flow]:
    common = {name: flow for (of, name), flow in loaded.items() if of == ALL_SITES}
    return common | {name: flow for (of, name), flow in loaded.items() if of == site}


def _started(flows: dict[str, Flow], findings: dict[Finding, None]) -> dict[Started, Flow]:
    found: dict[Started, Flow] = {}
    # The templates first: it is the user's file that is in the wrong.
    for flow in sorted(flows.values(), key=lambda each: not _is_template(each)):
        for kind in flow.trigger.kinds:
            key = (flow.trigger.event.name, kind)
            if (first := found.setdefault(key, flow)) is not flow:
                name = Path(first.path).name
                hint = f"To take its place, call this file {name}."
                finding = Finding(Position(flow.path, 1, 1), "on", f"{key[0]} ({kind}) starts {name} already.", hint)
                findings[finding] = None
    return found


def _left_out(flows: dict[str, Flow], started: dict[Started, Flow]) -> Iterator[Finding]:
    """What the template of a file's name takes, and no file does any more: such events would be skipped for ever."""
    for name, flow in flows.items():
        path = templates.folder() / f"{name}.yaml"
        if _is_template(flow) or not path.is_file():
            continue
        trigger = load(path).trigger
        for kind in trigger.kinds:
            if (trigger.event.name, kind) in started:
                continue
            if flow.trigger.event.name == trigger.event.name:
                hint = f"Add kind: [{', '.join(trigger.kinds)}], or a step `skip`."
            else:
                hint = "Call this file otherwise, or put one with a step `skip` beside it."
            message = f"{trigger.event.name} ({kind}) starts no flow any more: the shipped {name}.yaml takes it."
            yield Finding(Position(flow.path, 1, 1), "on", message, hint)


def _is_template(flow: Flow) -> bool:
    return Path(flow.path).parent.absolute() == templates.folder().absolute()


def _rounds(started: dict[Started, Flow]) -> Iterator[Finding]:
    """An `emit` that leads back to its own flow: the events would follow each other for ever."""
    follows = {event: {to for to, _ in flow.uses.emits} for (event, _), flow in started.items()}
    for (event, _), flow in started.items():
        for to, at in flow.uses.emits:
            if (way := _way(to, event, follows)) is not None:
                names = " → ".join([event, *way])
                yield Finding(at, "emit", f"is a loop: {names}.", "Each flow would have the next one run, for ever.")


def _way(start: str, goal: str, follows: dict[str, set[str]]) -> list[str] | None:
    todo, seen = [[start]], {start}
    while todo:
        way = todo.pop(0)
        if way[-1] == goal:
            return way
        for each in sorted(follows.get(way[-1], set()) - seen):
            seen.add(each)
            todo.append([*way, each])
    return None
