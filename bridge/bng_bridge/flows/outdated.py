"""Whether what BNG shows is older than what was applied: a cache or a second server of BNG's may lag behind its first."""

import sqlite3
from typing import Any

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.flow_files.steps import Asked
from bng_bridge.target import Write
from bridge_common.errors import DependencyMissing


class Outdated(Exception):
    """A newer state was applied; this one is ignored."""

    def __init__(self, bound: Binding) -> None:
        super().__init__(bound.target_key)
        self.bound = bound


def remember(read: sqlite3.Connection, asked: Asked, write: Write, document: Any) -> None:
    """What the binding is to keep of the document. To be called inside the write's lock.

    Raises Outdated for an older state than the binding knows. DependencyMissing where that one has to be written again,
    because the shop has changed since, and BNG does not show it: it will.
    """
    facts = {name: document[name] for name in asked.record.remembers if document.get(name) is not None}
    bound = bindings.get(read, write.target_key) if facts else None
    if bound is not None and is_older(facts, bound.facts):
        if bound.digest:
            raise Outdated(bound)
        raise DependencyMissing(
            f"BNG shows state {facts['Sequence']} of {write.reference}, and {bound.facts['Sequence']} was applied: "
            "the newer one is waited for",
            hint="If BNG was restored from a backup, change the quantity there once.", delay_s=5,
        )  # fmt: skip
    write.facts.update(facts)


def is_older(state: dict[str, Any], applied: dict[str, Any]) -> bool:
    """By Sequence; a lower one with a later UpdatedAt is newer: BNG was restored, and counts anew."""
    try:
        is_behind = int(state["Sequence"]) < int(applied["Sequence"])
    except (KeyError, TypeError, ValueError):
        return False
    return is_behind and not str(state.get("UpdatedAt", "")) > str(applied.get("UpdatedAt", ""))
