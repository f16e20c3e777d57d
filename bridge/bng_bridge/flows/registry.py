"""From an event to its flow. An event without one is skipped, visibly."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bng_bridge import bindings, letters, switches, windows
from bng_bridge.bindings import Binding
from bng_bridge.config import Site
from bng_bridge.flow_files.events import EVENTS, EventKind
from bng_bridge.flow_files.file_set import FileSet
from bng_bridge.flow_files.flow_file import Beginning, Flow
from bng_bridge.flow_files.steps import Document
from bng_bridge.flows.context import Context
from bng_bridge.flows.follow_ups import hints_of
from bng_bridge.flows.keys import sales_order_key, source_id
from bng_bridge.flows.names import account, names_posted
from bng_bridge.flows.outside import Live
from bng_bridge.flows.running import Running
from bng_bridge.flows.settings import gone_live, settings_of
from bng_bridge.inbox import Claimed, Hint
from bng_bridge.outcome import Outcome, skipped
from bridge_common import decimal_json
from bridge_common.clock import from_text
from bridge_common.errors import BridgeError, InvalidEvent, NotReady, TargetPaused, TransientError
from bridge_common.event import decode_batch
from bridge_common.magento_time import from_magento

_PATHS = {"order": "/V1/orders", "customer": "/V1/customers"}
_EVENTS = {(each.source, each.entity): each for each in EVENTS.values()}
_RESOURCES = {
    "shipment": "shipments", "sales_order": "sales-orders", "invoice": "invoices", "customer": "customers",
    "product": "products",
}  # fmt: skip
_DOCUMENT_PATHS = {"invoice": "/V1/invoices", "shipment": "/V1/shipment", "creditmemo": "/V1/creditmemo"}
"""Of one document of an order, by its id."""
_POSTED_AS = {"shipment": ("shipment",), "invoice": ("invoice", "credit_memo")}
"""What the bridge itself posts at BNG, which then tells of it."""


async def run_flow(event: Claimed, context: Context) -> Outcome:
    """Raises what a step fails with, InvalidEvent for what the agent could not read, and for a site that is not configured.

    All files are those in force at the beginning, whatever is put in force meanwhile.
    """
    if event.kind == "raw":
        return _decode_again(event)
    if event.source == "magento":
        _known_site(event.site, context)
    if event.kind == letters.EDITED:
        # Applied as the operator wrote it: never read anew, and nobody has discarded it.
        event = replace(event, kind="snapshot")
    elif event.kind in ("snapshot", "unreadable"):
        if (reason := _discarded(event, context)) is not None:
            return skipped(f"discarded by an operator: {reason}")
        event = await _current(event, context)
    kind = _EVENTS.get((event.source, event.entity))
    files = context.mappings.current
    if kind is None or event.kind not in (kind.kinds or ("hint",)):
        return _without_flow(event)
    if kind.of_sites:
        return await _run_of_sites(event, kind, context, files)
    return await _run_of_one(event, kind, context, files)


# ── the event, before any flow ──


def _without_flow(event: Claimed) -> Outcome:
    return skipped(f"no flow for {event.entity} {event.kind}")


def _known_site(name: str, context: Context) -> Site:
    if name not in context.sites:
        raise InvalidEvent(
            f"site {name} is not configured", problem="unknown-site",
            hint=f"Add [sites.{name}] to bridge.toml and restart, then bridgectl dlq retry {{event}}.",
        )  # fmt: skip
    return context.sites[name]


def _decode_again(event: Claimed) -> Outcome:
    """A retried batch that could not be decoded: a newer bridge may be able to. Raises InvalidEvent as before."""
    events = decode_batch(event.data or b"", event.site)
    return Outcome("done", f"{len(events)} events decoded", events=tuple(events))


async def _current(event: Claimed, context: Context) -> Claimed:
    """The event as it came; once an operator has requeued it, the entity as the shop shows it now.

    While the shop cannot be asked it waits: what it was when it died is not applied any more. Raises InvalidEvent for what
    the agent could not read, with the agent's reason the first time.
    """
    path = _PATHS.get(event.entity)
    if path is not None and event.requeued_at is not None:
        return await _read_again(event, f"{path}/{event.entity_id}", context)
    if event.kind == "unreadable":
        raise InvalidEvent(
            event.document().get("reason", "unreadable"),
            hint="bridgectl dlq retry {event} reads the current state again.",
        )
    return event


async def _read_again(event: Claimed, path: str, context: Context) -> Claimed:
    document = await context.magento[event.site].get(path)
    if document is None:
        raise InvalidEvent(
            f"{event.site} has no {event.entity} {event.entity_id}", problem="absent",
            hint="It was deleted in the shop: bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    return replace(event, kind="snapshot", data=decimal_json.dumps(document).encode())


def _discarded(event: Claimed, context: Context) -> str | None:
    """Not asked of what an operator requeued: that word is the newer one."""
    is_asked = event.has_discarded and event.requeued_at is None
    return None if not is_asked else letters.discarded_before(context.read, event)


# ── the event, and its flow ──


@dataclass(frozen=True, slots=True)
class Found:
    """What the event is about, and of which site: '' for a sales order of none."""

    site: str
    document: Any
    bound: Binding | None = None


async def _run_of_one(event: Claimed, kind: EventKind, context: Context, files: FileSet) -> Outcome:
    found = await _found(event, kind, context)
    flow = files.flows(found.site, kind.name, event.kind)
    if flow is None:
        return _without_flow(event)
    if _is_posted_by_us(event, found.document, context):
        return skipped("made from the shop's own")
    if reason := _why_left(flow, found.site, event, found.document, context):
        return skipped(reason)
    running = Running(event, context, files.mappings, found.site, found.document, found.bound)
    return await _run(flow, running, beginning_of(running))


async def _found(event: Claimed, kind: EventKind, context: Context) -> Found:
    """A hint's record is read here, inside its lane: the newest state, whatever the hint was about."""
    if kind.bound is None:
        return Found(event.site, event.document())
    if event.source == "magento":
        return await _found_in_shop(event, context)
    document = await _read(event, context)
    if kind.of_customer:
        return _found_of(account(context.read, event.entity_id), document, context)
    sales_order_id = (
        event.entity_id if event.entity == "sales_order" else str((document or {}).get("SalesOrderID") or "")
    )
    return _found_of(bindings.by_target(context.read, "bng", "sales_order", sales_order_id), document, context)


def _found_of(bound: Binding | None, document: Any, context: Context) -> Found:
    if bound is not None:
        _known_site(bound.site, context)
    return Found(bound.site if bound is not None else "", document, bound)


async def _read(event: Claimed, context: Context) -> Any:
    return await context.bng.get(f"{_RESOURCES[event.entity]}/{event.entity_id}")


async def _found_in_shop(event: Claimed, context: Context) -> Found:
    document = await context.magento[event.site].get(f"{_DOCUMENT_PATHS[event.entity]}/{event.entity_id}")
    bound = bindings.get(context.read, sales_order_key(event.site, str(event.document()["order_id"])))
    return Found(event.site, document, bound)


def _is_posted_by_us(event: Claimed, document: Any, context: Context) -> bool:
    """BNG tells of what it was sent, too. It is bound; or it bears our name, the answer to it lost, and its event waits."""
    entities = _POSTED_AS.get(event.entity, ()) if event.source == "bng" else ()
    if not entities:
        return False
    external_id = str((document or {}).get("ExternalID") or "")
    return any(names_posted(site, name, external_id) for name, site in context.sites.items()) or any(
        bindings.by_target(context.read, "bng", entity, event.entity_id) for entity in entities
    )


def _why_left(flow: Flow, site: str, event: Claimed, document: Any, context: Context) -> str:
    """Why the site has no part in the flow; '' when it has. A sales order of no site is the flow's own business."""
    if not flow.trigger.is_switched or not site:
        return ""
    created_at = _created_at(document or {})
    if _brought_over(event, site, created_at, context) is not None:
        created_at = None
    return switches.why_left(context.read, site, flow.name, created_at)


def _brought_over(event: Claimed, site: str, created_at: datetime | None, context: Context) -> datetime | None:
    """The beginning of the window of history with which an operator has had this very record brought over."""
    if created_at is None or event.source != "magento":
        return None
    return windows.covering(context.read, site, event.entity, event.entity_id, created_at)


def _created_at(document: Document) -> datetime | None:
    """None also for what is no time: Magento has had days such as 0000-00-00."""
    try:
        if "created_at" in document:
            return from_magento(str(document["created_at"]))
        return from_text(document["CreatedAt"]) if document.get("CreatedAt") else None
    except ValueError:
        return None


async def _run(flow: Flow, running: Running, beginning: Beginning) -> Outcome:
    ran = await flow.run(beginning, Live(running))
    hints: list[Hint] = []
    for event, names in ran.emits:
        hints += hints_of(running, event, names)
    return Outcome(ran.ended.outcome, ran.ended.reason, hints=tuple(hints))


def beginning_of(running: Running) -> Beginning:
    event, bound = running.event, running.bound
    told = {
        "id": event.entity_id, "kind": event.kind, "number": event.seq, "attempts": event.attempts,
        "is_requeued": event.requeued_at is not None,
    }  # fmt: skip
    site = _settings(running) if running.site else None
    return Beginning(running.document, told, site, None if bound is None else _named(bound))


def _named(bound: Binding) -> dict[str, str]:
    """As flow files see what is bound: events.BOUND, or BOUND_CUSTOMER."""
    if bound.entity == "customer":
        return {"customer_id": source_id(bound.target_key)}
    return {"order_id": source_id(bound.target_key), "sales_order_id": bound.target_id}


def _settings(running: Running) -> dict[str, Any]:
    """Of a record that an operator has had brought over go-live is the beginning of its window."""
    settings = settings_of(running.site, running.settings, running.document)
    go_live_at = running.settings.go_live_at
    if go_live_at is None:
        return settings
    since = _brought_over(running.event, running.site, _created_at(running.document or {}), running.context)
    return settings if since is None or since >= go_live_at else gone_live(settings, since)


# ── an event that concerns several sites ──


async def _run_of_sites(event: Claimed, kind: EventKind, context: Context, files: FileSet) -> Outcome:
    """Once for each site that the flow says; what one of them fails with holds up no other.

    Raises a failure that another attempt may mend, if there is one: the event is not dead while a site may still be told.
    """
    outcomes: list[Outcome] = []
    failures: list[BridgeError] = []
    flows = {name: flow for name in context.sites if (flow := files.flows(name, kind.name, event.kind)) is not None}
    # When a record was made does not count: a product's price may be of today.
    left = {name: _why_left(flow, name, event, None, context) for name, flow in flows.items()}
    if left and all(left.values()):
        return skipped(next(iter(left.values())))
    document = await _read(event, context) if event.entity in _RESOURCES else event.document()
    for name, flow in flows.items():
        running = Running(event, context, files.mappings, name, document)
        beginning = beginning_of(running)
        try:
            if flow.is_of(beginning):
                outcomes.append(skipped(left[name]) if left[name] else await _run(flow, running, beginning))
        except BridgeError as error:
            failures.append(error)
    if failures:
        raise _worst(failures)
    if outcomes:
        return _together(outcomes)
    flow = files.flows("", kind.name, event.kind)
    return _without_flow(event) if flow is None else skipped(flow.reason_for_none(Beginning(document, {}, None)))


_WORST = (TargetPaused, TransientError, NotReady, BridgeError)
"""A pause first: it ends when somebody lifts it, however late, and none of the others is waited for so long."""


def _worst(failures: list[BridgeError]) -> BridgeError:
    """By kind in the order of _WORST; a waiting tells of all the others, too."""
    first = next(each for kind in _WORST for each in failures if isinstance(each, kind))
    if len(failures) > 1 and isinstance(first, NotReady):
        message = "; ".join(dict.fromkeys(each.message for each in failures))
        return type(first)(message, hint=first.hint, delay_s=first.delay_s)
    return first


def _together(outcomes: list[Outcome]) -> Outcome:
    done = [each for each in outcomes if each.state == "done"]
    hints = tuple(hint for each in outcomes for hint in each.hints)
    return replace((done or outcomes)[0], hints=hints)
