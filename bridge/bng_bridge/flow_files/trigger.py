"""What starts a flow: the part of a file under `on`."""

from dataclasses import dataclass

from bng_bridge.flow_files import words
from bng_bridge.flow_files.events import EVENT, EVENTS, SITE, SNAPSHOT, EventKind
from bng_bridge.flow_files.texts import Text, text_of
from bng_bridge.mapping.budget import Getter
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.findings import Findings, Wrong, did_you_mean
from bng_bridge.mapping.functions.library import functions
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.scope import Scope, first_scope
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence

KEYS = ("on", "let", "steps")
ON_KEYS = ("event", "kind", "when", "ordered_by", "switched", "sites", "no_site")


@dataclass(frozen=True)
class Trigger:
    """`when` says whether the flow starts at all; None where it always does. `sites` says of each site whether the steps run
    for it; None where the event has its own. `is_switched`: it runs only for the sites that an operator has switched it on
    for. The slots are those of `site`, `event` and `bound` in a frame."""

    event: EventKind
    kinds: tuple[str, ...]
    when: Getter | None
    sites: Getter | None
    no_site: Text | None
    is_switched: bool
    site_slot: int
    event_slot: int
    bound_slot: int | None


def check_head(tree: Section, findings: Findings) -> None:
    for key in tree.entries:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS) or f"There are {', '.join(KEYS)}."
            findings.add(tree.keys[key], key, f"{key} is no part of a flow file.", hint)
    missing = [key for key in ("on", "steps") if key not in tree.entries]
    if missing:
        findings.add(tree.at, "", f"{', '.join(missing)} is missing at the top")


def read_trigger(node: Node, schemas: Schemas) -> tuple[Trigger, Scope]:
    """The trigger, and the scope of a flow that it starts. Raises Wrong."""
    on = words.check_keys(node, ON_KEYS, "on")
    for key in ("event", "ordered_by"):
        if key not in on.entries:
            raise Wrong(on.at, f"{key} is missing")
    event = EVENTS[words.word_of(on.entries["event"], EVENTS, "event")]
    _check_lane(on.entries["ordered_by"], event)
    scope = first_scope(event.root, event.document(schemas, on.at), functions())
    scope, site_slot = scope.with_name("site", SITE, on.at)
    scope, event_slot = scope.with_name("event", EVENT, on.at)
    bound_slot = None
    if event.bound is not None:
        scope, bound_slot = scope.with_name("bound", event.bound, on.at)
    kinds = _kinds(on, event)
    when = expression_of(on.entries["when"], scope).get if "when" in on.entries else None
    sites, no_site = _sites(on, event, scope)
    is_switched = _is_switched(on)
    return Trigger(event, kinds, when, sites, no_site, is_switched, site_slot, event_slot, bound_slot), scope


def _check_lane(node: Node, event: EventKind) -> None:
    text = node.text if isinstance(node, Scalar) else ""
    if text != event.lane:
        raise Wrong(
            node.at, f"{event.name} is ordered by {event.lane}: the capture says so, and a file cannot change it"
        )


def _kinds(on: Section, event: EventKind) -> tuple[str, ...]:
    node = on.entries.get("kind")
    if not event.kinds:
        if node is not None:
            raise Wrong(on.keys["kind"], f"{event.name} has no kinds")
        return ("hint",)
    if node is None:
        return (SNAPSHOT,)
    items = node.items if isinstance(node, Sequence) else (node,)
    return tuple(words.word_of(each, event.kinds, "kind of event") for each in items)


def _is_switched(on: Section) -> bool:
    node = on.entries.get("switched")
    return node is not None and words.word_of(node, ("true", "false"), "answer") == "true"


def _sites(on: Section, event: EventKind, scope: Scope) -> tuple[Getter | None, Text | None]:
    if not event.of_sites:
        for key in ("sites", "no_site"):
            if key in on.entries:
                raise Wrong(on.keys[key], f"{event.name} is of one site")
        return None, None
    for key in ("sites", "no_site"):
        if key not in on.entries:
            what = "for which sites the steps run" if key == "sites" else "why it is skipped where there is none"
            raise Wrong(on.at, f"{key} is missing: {what}")
    return expression_of(on.entries["sites"], scope).get, text_of(on.entries["no_site"], scope)
