"""A flow run over a case: nobody is asked and nothing is written, and what it would do is told.

A case says what the steps are answered, by their names: {"buyer": {…}, "sales_order": {"fails": "unknown-customer"}}; a list
holds the answers of one run after another. A call without one is answered null, a write as if it had been made.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from bng_bridge.flow_files.failures import KINDS, PROBLEMS
from bng_bridge.flow_files.flow_file import Beginning, Flow, Ran
from bng_bridge.flow_files.steps import Asked, Document
from bng_bridge.mapping import totals
from bng_bridge.mapping.findings import did_you_mean
from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.mapping.mapping_set import MappingSet
from bridge_common.errors import (
    BridgeError,
    NotReady,
    OutcomeUnknown,
    PermanentError,
    RejectedByTarget,
    TargetUnavailable,
)

KEYS = ("document", "event", "site", "bound", "answers")
SITE: Document = {
    "name": "shop1", "time_zone": "UTC", "go_live_at": None, "guest_policy": "per-email",
    "generic_customer_id": None,
    "offline_methods": ["checkmo", "banktransfer", "cashondelivery", "purchaseorder", "free"],
    "sources": {"MAIN": "default"}, "stock_policy": "physical", "backorders": False,
}  # fmt: skip
"""A site of which nothing is configured but a source; `site` of a case says what is otherwise."""

_IDS = {
    "magento/order": "entity_id", "magento/customer": "id", "bng/shipment": "ShipmentID", "bng/sales_order": "SalesOrderID",
    "bng/customer": "CustomerID",
    "magento/invoice": "entity_id", "magento/shipment": "entity_id", "magento/creditmemo": "entity_id",
    "bng/invoice": "InvoiceID",
}  # fmt: skip
_TRANSIENT: dict[str, type[BridgeError]] = {"target-unavailable": TargetUnavailable, "outcome-unknown": OutcomeUnknown}


class CaseError(ValueError):
    """A case that is none."""


@dataclass
class Stage:
    """steps.Outside for one case. `writes` are told in order, those that fail, too."""

    site: str
    mappings: MappingSet
    answers: Document
    source_id: str
    writes: list[Document] = field(default_factory=list)
    _asked: dict[str, int] = field(default_factory=dict)

    async def call(self, operation: str, arguments: Document, name: str) -> Any:
        del operation
        return None if None in arguments.values() else self._answer(name, None)

    def mapping(self, name: str) -> Mapping:
        if (self.site, name) not in self.mappings:
            raise CaseError(f"{self.site or 'no site'} has no mapping {name}: say under site whose case it is")
        return self.mappings(self.site, name)

    async def write(self, asked: Asked) -> Document | None:
        source_id = asked.source_id or self.source_id
        made = self._answer(asked.name, {"id": f"(id of {asked.name})", "action": "created"})
        if made is None:
            return None
        told: Document = {asked.verb: asked.record.name}
        if source_id:
            told["of"] = source_id
        if asked.named:
            told["with"] = asked.named
        for name in ("instead_of", "adopt"):
            if getattr(asked, name):
                told[name] = getattr(asked, name)
        self.writes.append(told)
        if asked.verb != "cancel":
            told["body"] = (await asked.body({"external_id": f"{self.site}-{source_id}", "is_create": True})).fields
            if asked.record.entity == "sales_order":
                totals.check(told["body"])
        if isinstance(made, dict) and "fails" in made:
            told["fails"] = made["fails"]
            raise _failure(made)
        if not isinstance(made, dict):
            raise CaseError(f"{asked.name} is a write: its answer is an object or null")
        return dict(made)

    def _answer(self, name: str, otherwise: Any) -> Any:
        found = self.answers.get(name, otherwise)
        if isinstance(found, list):
            number = self._asked.get(name, 0)
            self._asked[name] = number + 1
            return found[min(number, len(found) - 1)] if found else otherwise
        return found


def rehearse(flow: Flow, mappings: MappingSet, case: Any, site: str = "") -> Document:
    """{"outcome", "reason", "writes", "emits"}, and of a failure {"error", "hint"}; `outcome` is done, skipped, postponed,
    retried or dead. `site` is whose flow it is, where the case does not say. Raises CaseError for what is no case.
    """
    beginning, source_id = _beginning(flow, case, site or SITE["name"])
    stage = Stage(str((beginning.site or {}).get("name", "")), mappings, case.get("answers") or {}, source_id)
    try:
        if not flow.is_of(beginning):
            return _told("skipped", flow.reason_for_none(beginning), stage)
        ran = driven(flow.run(beginning, stage))
    except BridgeError as error:
        return _failed(error, stage)
    told = _told(ran.ended.outcome, ran.ended.reason, stage)
    told["emits"] = [{event: names} for event, names in ran.emits]
    return told


def _beginning(flow: Flow, case: Any, site_name: str) -> tuple[Beginning, str]:
    _check(case)
    document, event = case["document"], flow.trigger.event
    source_id = str((document or {}).get(_IDS.get(event.name, "")) or "")
    told = {"id": source_id, "kind": flow.trigger.kinds[0], "number": 1, "attempts": 0, "is_requeued": False}
    told |= case.get("event") or {}
    bound = case.get("bound")
    site = (
        None
        if event.source == "bng" and event.bound is not None and bound is None
        else SITE | {"name": site_name} | (case.get("site") or {})
    )
    return Beginning(document, told, site, bound), str(told["id"])


def _check(case: Any) -> None:
    """Raises CaseError."""
    if not isinstance(case, dict) or "document" not in case:
        raise CaseError(f"a case is an object with document, and perhaps {', '.join(KEYS[1:])}")
    if unknown := [key for key in case if key not in KEYS]:
        raise CaseError(f"{unknown[0]} is no part of a case. {did_you_mean(unknown[0], KEYS)}".strip())
    for key, value in case.items():
        if value is not None and not isinstance(value, dict):
            raise CaseError(f"{key} of a case is an object or null")


def driven(running: Coroutine[Any, Any, Ran]) -> Ran:
    """The result of what awaits nothing real."""
    try:
        running.send(None)
    except StopIteration as stop:
        result: Ran = stop.value
        return result
    raise AssertionError("a rehearsal waits for nobody")


def _told(outcome: str, reason: str, stage: Stage) -> Document:
    return {"outcome": outcome, "reason": reason, "writes": stage.writes}


def _failed(error: BridgeError, stage: Stage) -> Document:
    outcome = "postponed" if isinstance(error, NotReady) else "dead" if isinstance(error, PermanentError) else "retried"
    return {**_told(outcome, error.message, stage), "error": error.kind, "hint": error.hint}


def _failure(answer: Document) -> BridgeError:
    word, message = str(answer["fails"]), str(answer.get("message") or f"the case says: {answer['fails']}")
    if word in PROBLEMS:
        return RejectedByTarget(message, problem=word)
    kinds = {**KINDS, **_TRANSIENT}
    if word not in kinds:
        raise CaseError(f"{word} is no failure. {did_you_mean(word, [*kinds, *PROBLEMS])}".strip())
    return kinds[word](message)
