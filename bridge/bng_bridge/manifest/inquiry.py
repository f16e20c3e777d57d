"""What becomes of suspects: looked at once more, then asked of the agent, then found missing or not.

A row leaves the outbox only after its event is in the inbox. So an entity of which the agent says that no row waits, and
of which the inbox has no newer event after that, was missed: there never was a row, or somebody deleted it.
"""

import logging
from collections.abc import Iterable
from typing import Any

from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest import table
from bng_bridge.manifest.report import Report
from bng_bridge.manifest.survey import Suspect
from bng_bridge.store import Store
from bridge_common.clock import to_text, utc_now
from bridge_common.log import log

MOST_ENTITIES = 500
"""In one request, by the protocol."""
TIMEOUT_S = 30.0


async def inquire(suspects: list[Suspect], gateway: GatewayTransport, store: Store, report: Report) -> list[Suspect]:
    """Those found missing; they are on their way now. Raises TargetUnavailable, TargetPaused while the agent is away."""
    missing: list[Suspect] = []
    for start in range(0, len(suspects), MOST_ENTITIES):
        missing += await _inquire(suspects[start : start + MOST_ENTITIES], gateway, store, report)
    return missing


async def _inquire(suspects: list[Suspect], gateway: GatewayTransport, store: Store, report: Report) -> list[Suspect]:
    site = gateway.site
    still = _unchanged(suspects, site, store)
    if not still:
        report.on_the_way += len(suspects)
        return []
    asked_seq = table.highest_seq(store.read)
    answer = await gateway.ask("reemit", timeout_s=TIMEOUT_S, entities=[_pair(each) for each in still])
    inserted = {(each["entity"], each["entity_id"]) for each in answer["inserted"]}
    # What came between the look and the answer was just late; its row makes one event more, which changes nothing.
    asked = _unchanged([each for each in still if (each.entity, each.entity_id) in inserted], site, store)
    await _note(asked, site, store, asked_seq)
    report.asked += len(asked)
    report.on_the_way += len(suspects) - len(asked)
    missing = [each for each in asked if each.is_sure]
    for each in missing:
        report.missing.append(f"{each.entity}/{each.entity_id}" + (" D" if each.op == "D" else ""))
        log("manifest_missing", level=logging.WARNING, site=site, entity=f"{each.entity}/{each.entity_id}", op=each.op)
    return missing


def _unchanged(suspects: Iterable[Suspect], site: str, store: Store) -> list[Suspect]:
    """Those of which nothing newer came since."""
    return [each for each in suspects if table.newest_seq(store.read, site, each.entity, each.entity_id) == each.seq]


async def _note(asked: list[Suspect], site: str, store: Store, asked_seq: int) -> None:
    now = to_text(utc_now())

    def commit(db: Any) -> None:
        for each in asked:
            if each.op == "D":
                table.note_gone(db, site, each.entity, [each.entity_id], "asked", now)
            else:
                table.ask(db, site, each.entity, each.entity_id, each.digest, asked_seq)

    await store.write(commit)


def _pair(suspect: Suspect) -> dict[str, str]:
    pair = {"entity": suspect.entity, "entity_id": suspect.entity_id}
    return pair | {"op": "D"} if suspect.op == "D" else pair
