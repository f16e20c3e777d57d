"""Faults of the flow and mapping files: somebody edits them while orders come in.

A good edit says in other words what stood there before, so that the judge sees no difference. A broken one changes nothing,
and is put right again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge_common import shipped
from bridge_sandbox.chaos.ground import Ground
from bridge_sandbox.chaos.schedule import BNG_WRITES, Fault


@dataclass(frozen=True)
class Template:
    """A rule of a shipped file as (as it stands, the same in other words), and one as (as it stands, with a slip)."""

    same: tuple[str, str]
    slip: tuple[str, str]


TEMPLATES: Mapping[str, Template] = {
    "mappings/order-to-sales-order.yaml": Template(
        ("- freight - freight_tax - sum(rows, 'total')", "- (sum(rows, 'total') + freight_tax + freight)"),
        ("cents(amount(order.grand_total))", "cents(amount(order.grant_total))"),
    ),
    "mappings/customer-to-customer.yaml": Template(
        (
            "customer.default_shipping) or billing",
            "customer.default_shipping) or find(customer.addresses, 'id', customer.default_billing)",
        ),
        ("customer.firstname", "customer.fistname"),
    ),
    "flows/order-to-sales-order.yaml": Template(
        ("when: parent and not parent_cancelled", "when: not (not parent or parent_cancelled)"),
        ("when: not buyer.customer_id", "when: not buyer.custmer_id"),
    ),
}
"""By folder and name."""


def mapping_reloaded(fault: Fault, ground: Ground) -> bool:
    """Met when the bridge says that the new files are in force, or refused, and has written to BNG after that."""
    name, kind = fault.args["template"], fault.args["edit"]
    with ground.editing:
        if not ground.comes(lambda: bool(told(ground))):
            return False
        if kind == "broken":
            return be_refused(ground, name)
        before = told(ground)
        put(ground, name, edited(name, kind, f"Edited {fault.at_s} s after the start."))
        return ground.comes(lambda: is_in_force(ground, before)) and goes_on(ground)


def be_refused(ground: Ground, name: str) -> bool:
    """Nobody ends the bridge meanwhile: with a broken file it would not come up again, which is its promise."""
    path = ground.stage.folder / name
    with ground.supervisor.spared("bridge"):
        before, good = told(ground), path.read_text() if path.exists() else None
        put(ground, name, edited(name, "broken", ""))
        try:
            is_refused = ground.comes(lambda: is_refused_now(ground, name, before)) and goes_on(ground)
        finally:
            if good is None:
                path.unlink()
            else:
                put(ground, name, good)
        return ground.comes(lambda: told(ground).get("refused") == "") and is_refused


def edited(name: str, kind: str, note: str) -> str:
    """The shipped file with a note, and one rule in other words or with a slip."""
    folder, _, file = name.partition("/")
    text = (shipped.folder(folder) / file).read_text()
    template = TEMPLATES[name]
    if kind == "broken":
        return text.replace(*template.slip)
    return f"# {note}\n{text.replace(*template.same) if kind == 'respelled' else text}"


def put(ground: Ground, name: str, text: str) -> None:
    """As a deployment does: a whole file is moved over the old one, so that a bridge that starts now reads no half."""
    newer = ground.stage.folder / Path(name).name
    newer.write_text(text)
    newer.replace(ground.stage.folder / name)


def told(ground: Ground) -> dict[str, Any]:
    """What the bridge says of its files; nothing while it is down."""
    found: dict[str, Any] = json.loads(ground.stage.bridgectl("status", "--json") or "{}").get("mappings", {})
    return found


def is_in_force(ground: Ground, before: Mapping[str, Any]) -> bool:
    now = told(ground)
    return bool(now) and not now["refused"] and now["identity"] != before.get("identity")


def is_refused_now(ground: Ground, name: str, before: Mapping[str, Any]) -> bool:
    now = told(ground)
    return bool(now) and name in now["refused"] and now["identity"] == before.get("identity")


def goes_on(ground: Ground) -> bool:
    """Whether something is written from now on."""
    before = writes(ground)
    return ground.comes(lambda: writes(ground) > before)


def writes(ground: Ground) -> int:
    calls = ground.stage.bng.calls()
    return sum(count for route, count in calls.items() if not route.startswith("GET") and is_mapped(route))


def is_mapped(route: str) -> bool:
    return any(path in route for path in BNG_WRITES)
