"""What a compiled flow touches, in the daemon: operations over the clients, writes through `deliver`."""

from dataclasses import dataclass
from typing import Any

from bng_bridge import bindings
from bng_bridge.flow_files.operations import OPERATIONS as CATALOGUE
from bng_bridge.flow_files.records import UPDATE
from bng_bridge.flow_files.steps import Asked, Document
from bng_bridge.flows import outdated, writes
from bng_bridge.flows.operations import OPERATIONS
from bng_bridge.flows.outdated import Outdated
from bng_bridge.flows.running import Running
from bng_bridge.magento.customers import path_of
from bng_bridge.mapping import totals
from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.merging.customers import IntoBng
from bng_bridge.target import Write
from bridge_common.errors import RefusedByFlow


@dataclass(frozen=True, slots=True)
class Live:
    """flow_files.steps.Outside for one event."""

    running: Running

    async def call(self, operation: str, arguments: Document, name: str) -> Any:
        """None, and nobody is asked, where an argument is null. Raises RefusedByFlow where there is no shop to be asked."""
        del name  # of the step: only a rehearsal tells its answers apart by it
        if None in arguments.values():
            return None
        if not self.running.site and CATALOGUE[operation].needs_site:
            raise RefusedByFlow(
                f"the flow calls {operation} although bound is null: there is no shop to be asked", problem="null",
                hint="Put a skip `when: not bound` before it, then bridgectl dlq retry {event}.",
            )  # fmt: skip
        return await OPERATIONS[operation](self.running, **arguments)

    def mapping(self, name: str) -> Mapping:
        return self.running.mappings(self.running.site, name)

    async def write(self, asked: Asked) -> Document | None:
        write = writes.write_of(self.running, asked)

        async def body() -> Document:
            if write.entity == writes.IN_SHOP:
                return await self._customer_at_bng()
            if asked.verb == UPDATE and not await self._is_at_target(write):
                raise _NotThere
            given: Document = {"external_id": write.reference}
            if "is_create" in asked.wants:
                given["is_create"] = bindings.get(self.running.read, write.target_key) is None
            made = await asked.body(given)
            writes.check_name(asked, write, made.fields, made.context)
            if write.entity == "sales_order":
                totals.check(made.fields)
            outdated.remember(self.running.read, asked, write, made.document)
            return made.fields

        try:
            result = await self.running.context.deliver(self.running.event.seq, write, body)
        except _NotThere:
            return None
        except Outdated as found:
            return {"id": found.bound.target_id, "action": "outdated"}
        is_owed = isinstance(write.merge, IntoBng) and write.merge.is_owed
        return {"id": result.binding.target_id, "action": result.action, "is_owed": is_owed}

    async def _customer_at_bng(self) -> Document:
        """Read once more, inside the lock: the event's document may be older than a write of ours. Raises _NotThere where
        BNG, or the shop, has none."""
        running = self.running
        record = await running.context.bng.get(f"customers/{running.event.entity_id}")
        if record is None or record.get("Deleted") or await running.magento.get(path_of(running.source_id)) is None:
            raise _NotThere
        return record

    async def _is_at_target(self, write: Write) -> bool:
        """Inside the lock: somebody else may be making it at this moment. What only the shop makes, its target looks for."""
        if write.entity not in writes.RESOURCES or bindings.get(self.running.read, write.target_key) is not None:
            return True
        resource = writes.RESOURCES[write.entity]
        return bool(await self.running.context.bng.search(resource, external_id=write.reference))


class _NotThere(Exception):
    """Nothing is made in order to be updated."""
