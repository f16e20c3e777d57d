"""Which lists of BNG's are looked at only while a flow that is on wants them."""

import sqlite3
from collections.abc import Iterable
from types import MappingProxyType

from bng_bridge import switches
from bng_bridge.flow_files.file_set import FileSet

EVENTS = MappingProxyType({"invoices": "bng/invoice", "customers": "bng/customer"})
"""By resource, what its records are to a flow."""


def followed(files: FileSet, sites: Iterable[str], read: sqlite3.Connection) -> tuple[str, ...]:
    """The resources whose event some site takes."""
    on = {(each.site, each.flow) for each in switches.all_on(read)}

    def is_taken(event: str) -> bool:
        flows = ((site, files.flows(site, event, "hint")) for site in sites)
        return any(
            flow is not None and (not flow.trigger.is_switched or (site, flow.name) in on) for site, flow in flows
        )

    return tuple(resource for resource, event in EVENTS.items() if is_taken(event))
