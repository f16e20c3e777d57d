"""The shadow run of a flow file: the last stored documents, through the flow of now and through the file, compared.

Nothing is written and nobody is asked: what the store knows is looked up, and where a target or a shop would be asked a
placeholder stands that is the same on both sides.
"""

import difflib
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from bng_bridge import bindings
from bng_bridge.admin.bridge import NotFound
from bng_bridge.admin.shadow import Counted, Wanted, differences, events, listed
from bng_bridge.flow_files import flow_file
from bng_bridge.flow_files.file_set import FileSet
from bng_bridge.flow_files.fit import misfits_of
from bng_bridge.flow_files.flow_file import Flow
from bng_bridge.flow_files.operations import OPERATIONS as CATALOGUE
from bng_bridge.flow_files.rehearsal import driven
from bng_bridge.flow_files.steps import Asked, Document
from bng_bridge.flows import writes
from bng_bridge.flows.context import Context
from bng_bridge.flows.operations import OPERATIONS
from bng_bridge.flows.registry import beginning_of
from bng_bridge.flows.running import Running
from bng_bridge.inbox import Claimed
from bng_bridge.mapping import mapping_file
from bng_bridge.mapping.findings import MappingFileError
from bng_bridge.mapping.shapes import TEXT
from bridge_common.errors import BridgeError, NotReady

OF_THE_STORE = frozenset({"binding", "open_write", "buyer", "buyer_behind", "is_deleted", "origin"})
"""Operations that need nobody but the store."""


@dataclass
class Shadow:
    """flow_files.steps.Outside for one document: writes are recorded."""

    running: Running
    writes: list[Document] = field(default_factory=list)

    async def call(self, operation: str, arguments: Document, name: str) -> Any:
        del name
        if None in arguments.values():
            return None
        if operation in OF_THE_STORE:
            return await OPERATIONS[operation](self.running, **arguments)
        return f"({operation})" if CATALOGUE[operation].gives is TEXT else None

    def mapping(self, name: str) -> mapping_file.Mapping:
        return self.running.mappings(self.running.site, name)

    async def write(self, asked: Asked) -> Document | None:
        write = writes.write_of(self.running, asked)
        bound = bindings.get(self.running.read, write.target_key)
        if asked.verb == "update" and bound is None:
            return None
        told: Document = {"write": f"{asked.verb} {asked.record.name}", "reference": write.reference}
        self.writes.append(told)
        given = {"external_id": write.reference, "is_create": bound is None}
        made = await asked.body(given)
        told["body"] = made.fields
        if asked.verb != "cancel":
            writes.check_name(asked, write, made.fields, made.context)
        return {
            "id": bound.target_id if bound else f"(id of {asked.name})",
            "action": "unchanged" if bound else "created",
        }


def compare(context: Context, files: FileSet, wanted: Wanted) -> dict[str, Any]:
    """{"documents", "changed", "steps": lines of a diff, "fields": [{"field", "count", "examples"}]}, for a context whose
    `read` is the reader's. Raises MappingFileError for a file with mistakes.
    """
    newer = flow_file.compile_text(wanted.text, wanted.path)
    found = tuple(misfits_of(newer, files.mappings, wanted.site))
    if found:
        raise MappingFileError(found)
    event = newer.trigger.event
    if event.source != "magento":
        raise NotFound(
            f"The documents of {event.name} are not stored.", hint="There are stored ones of the shops' events."
        )
    current = files.flows(wanted.site, event.name, "snapshot")
    fields: dict[str, Counted] = {}
    documents = changed = 0
    for row in events(context.read, context.sites, event.entity, wanted):
        documents += 1
        running = _running(context, files, row)
        before = files.flows(running.site, event.name, "snapshot")
        here = dict(differences(_told(before, running), _told(newer, running)))
        changed += bool(here)
        record = str(running.document.get("increment_id") or running.event.entity_id)
        for name, example in here.items():
            fields.setdefault(name, Counted()).add({"record": record, **example})
    return {
        "documents": documents, "changed": changed, "steps": _steps(current, newer),
        "fields": listed("field", fields),
    }  # fmt: skip


def _running(context: Context, files: FileSet, row: sqlite3.Row) -> Running:
    event = Claimed(
        seq=row["seq"], event_key=f"shadow/{row['seq']}", site=row["site"], source="magento", entity=row["entity"],
        entity_id=row["entity_id"], kind="snapshot", ordering_key="", attempts=0, stored_at="", data=row["data"],
    )  # fmt: skip
    return Running(event, context, files.mappings, row["site"], event.document())


def _told(flow: Flow | None, running: Running) -> Document:
    """What a flow would do: its end, and its writes in order by what they are."""
    shadow = Shadow(running)
    if flow is None:
        return {"outcome": "skipped", "reason": "no flow"}
    try:
        ran = driven(flow.run(beginning_of(running), shadow))
        told = {"outcome": ran.ended.outcome, "reason": ran.ended.reason}
    except BridgeError as error:
        told = {"outcome": "postponed" if isinstance(error, NotReady) else "dead", "reason": error.message}
    bodies = {f"{each['write']}": {key: each.get(key) for key in ("reference", "body")} for each in shadow.writes}
    return {**told, "writes": ", ".join(each["write"] for each in shadow.writes), **bodies}


def _steps(current: Flow | None, newer: Flow) -> list[str]:
    before = current.outline if current is not None else ()
    return [line for line in difflib.ndiff(before, newer.outline) if line.startswith(("+", "-"))]
