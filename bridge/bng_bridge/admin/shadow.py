"""The shadow run of a mapping file: the last stored documents, mapped as now and as the file would, and the difference.

Nothing is written and no call is made. The context is what the flow would give; where it would have to ask somebody, a
placeholder stands that is the same on both sides.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bng_bridge import bindings, inbox
from bng_bridge.config import Site
from bng_bridge.flow_files.file_set import FileSet
from bng_bridge.flow_files.fit import ungiven
from bng_bridge.flows.keys import sales_order_key
from bng_bridge.flows.names import customer_name, order_name
from bng_bridge.flows.settings import settings_of
from bng_bridge.mapping import mapping_file, payments
from bng_bridge.mapping.findings import MappingFileError
from bng_bridge.mapping.mapping_set import misfits
from bridge_common import decimal_json
from bridge_common.errors import MappingError

EXAMPLES = 3
NAMES = {"order-to-sales-order": "order", "order-to-customer": "order", "customer-to-customer": "customer"}
"""The entity whose stored documents each mapping is given."""

ABSENT = "(absent)"
CUSTOMER_ID, TRANSACTION_ID = "(customer id)", "(transaction id)"


@dataclass(frozen=True)
class Wanted:
    """`path` is where the file would stand; `site` '' for all of them."""

    name: str
    text: str
    path: Path
    site: str
    events: int


@dataclass
class Counted:
    """How many documents, and the first of them."""

    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, example: dict[str, Any]) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


def compare(db: sqlite3.Connection, sites: Mapping[str, Site], current: FileSet, wanted: Wanted) -> dict[str, Any]:
    """{"documents", "changed", "fields": [{"field", "count", "examples"}], "errors": [{"error", …}], "mended"}.

    `errors` are those that the file raises, whether today's mapping raises them or not; `mended` counts documents that only
    today's mapping refuses. Raises MappingFileError.
    """
    newer = mapping_file.compile_text(wanted.text, wanted.path)
    found = (*misfits(newer), *ungiven(newer, current.flows.of_site(wanted.site), wanted.name))
    if found:
        raise MappingFileError(found)
    fields: dict[str, Counted] = {}
    errors: dict[str, Counted] = {}
    documents = changed = mended = 0
    for row in events(db, sites, NAMES[wanted.name], wanted):
        documents += 1
        document, site = decimal_json.loads(row["data"]), row["site"]
        record = str(document.get("increment_id") or row["entity_id"])
        older = current(site, wanted.name)
        context = _context(db, site, sites[site], row["entity_id"], document)
        # What a flow of one's own gives beside that: known only to the flow.
        context = {each: f"({each})" for file in (older, newer) for each in file.head.context} | context
        before, _ = _outcome(older, document, context)
        after, error = _outcome(newer, document, context)
        if after is None:
            errors.setdefault(_kind(error), Counted()).add({"record": record, "error": error})
            continue
        if before is None:
            mended += 1
            continue
        found_here = dict(differences(before, after))
        changed += bool(found_here)
        for name, example in found_here.items():
            fields.setdefault(name, Counted()).add({"record": record, **example})
    return {
        "documents": documents, "changed": changed, "mended": mended,
        "fields": listed("field", fields), "errors": listed("error", errors),
    }  # fmt: skip


def events(db: sqlite3.Connection, sites: Mapping[str, Site], entity: str, wanted: Wanted) -> list[sqlite3.Row]:
    """The last that have a document, of sites that are configured."""
    rows = inbox.select(db, "last_documents", entity=entity, site=wanted.site or None, limit=wanted.events)
    return [row for row in rows if row["site"] in sites]


def listed(what: str, found: Mapping[str, Counted]) -> list[dict[str, Any]]:
    """[{`what`: name, "count", "examples"}]."""
    return [{what: name, "count": each.count, "examples": each.examples} for name, each in found.items()]


def _context(db: sqlite3.Connection, name: str, site: Site, entity_id: str, document: dict[str, Any]) -> dict[str, Any]:
    """For all of NAMES at once: a mapping takes of it what it declares."""
    if "increment_id" not in document:
        bound = bindings.get(db, f"{name}/customer/{entity_id}/customer")
        return {"external_id": customer_name(db, name, site, entity_id), "is_create": bound is None}
    bound = bindings.get(db, sales_order_key(name, entity_id))
    return {
        "external_id": order_name(db, name, site, entity_id),
        "customer_id": bound.facts.get("CustomerID", CUSTOMER_ID) if bound else CUSTOMER_ID,
        "time_zone": settings_of(name, site, document)["time_zone"],
        "transaction_id": _transaction_id(document, site),
    }


def _transaction_id(order: dict[str, Any], site: Site) -> str:
    try:
        lacks = payments.lacks_transaction(order, site.offline_methods)
    except MappingError:
        lacks = True
    return TRANSACTION_ID if lacks else payments.transaction_id(order, site.offline_methods)


def _outcome(
    mapping: mapping_file.Mapping, document: dict[str, Any], context: dict[str, Any]
) -> tuple[dict[str, Any] | None, str]:
    try:
        return mapping(document, **context), ""
    except MappingError as error:
        return None, error.message


def _kind(error: str) -> str:
    """What errors of several documents have in common: field and file:line, without values."""
    place = re.search(r"\([^()]*:\d+\)$", error)
    return f"{error.partition(': ')[0]} {place[0]}" if place and ": " in error else error


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(field, {"old", "new"}); the rows of a list count as one field, `Lines[].SKU`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before | after:
            inner = f"{path}.{name}" if path else name
            yield from differences(before.get(name, ABSENT), after.get(name, ABSENT), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from differences(one, other, f"{path}[]")
    elif before != after:
        yield path, {"old": before, "new": after}
