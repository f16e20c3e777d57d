"""What the flow in force would write now, without writing it: the one judge of what a shop's quantity has to be."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bng_bridge.flow_files.events import EVENTS
from bng_bridge.flow_files.steps import Asked, Document
from bng_bridge.flows import writes
from bng_bridge.flows.context import Context
from bng_bridge.flows.outside import Live
from bng_bridge.flows.registry import beginning_of
from bng_bridge.flows.running import Running
from bng_bridge.inbox import Claimed
from bridge_common import decimal_json

EVENT = EVENTS["bng/inventory_item"]
_QUANTITIES = {"source_item": "quantity", "stock_item": "qty"}


@dataclass(frozen=True, slots=True)
class _Asking(Live):
    """Reads as the daemon does; a write is only noted."""

    bodies: list[tuple[str, Document]] = field(default_factory=list)

    async def write(self, asked: Asked) -> Document | None:
        write = writes.write_of(self.running, asked)
        made = await asked.body({"external_id": write.reference, "is_create": False})
        writes.check_name(asked, write, made.fields, made.context)
        self.bodies.append((write.entity, made.fields))
        return {"id": write.reference, "action": "unchanged"}


async def expected_quantity(running: Running) -> Decimal | None:
    """None where the flow writes no quantity for this item. Raises what its steps fail with."""
    files = running.context.mappings.current
    flow = files.flows(running.site, EVENT.name, "hint")
    beginning = beginning_of(running)
    if flow is None or not flow.is_of(beginning):
        return None
    asking = _Asking(running)
    await flow.run(beginning, asking)
    quantities = [body.get(_QUANTITIES[entity]) for entity, body in asking.bodies if entity in _QUANTITIES]
    return next((Decimal(str(each)) for each in quantities if each is not None), None)


def running_for(context: Context, site: str, item: dict[str, Any]) -> Running:
    """As a hint of this item would come."""
    document = {"SKU": item["SKU"], "Warehouse": item["Warehouse"]}
    event = Claimed(
        seq=0, event_key="", site="", source=EVENT.source, entity=EVENT.entity,
        entity_id=f"{item['Warehouse']}|{item['SKU']}", kind="hint", ordering_key="", attempts=0, stored_at="",
        data=decimal_json.dumps(document).encode(),
    )  # fmt: skip
    return Running(event, context, context.mappings.current.mappings, site, document)
