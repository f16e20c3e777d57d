"""What becomes of suspects: looked at once more, then asked of the agent, then found missing or not.

A row leaves the outbox only after its event is in the inbox. So an entity of which the agent says that no row waits, and
of which the inbox has no event of an earlier row by then, was missed: there never was a row, or somebody deleted it.
"""

import logging
from collections.abc import AsyncIterator
from typing import Any

from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest import table
from bng_bridge.manifest.report import Report
from bng_bridge.manifest.survey import Suspect
from bng_bridge.manifest.verdict import Newest
from bng_bridge.store import Store
from bridge_common.clock import to_text, utc_now
from bridge_common.log import log

MOST_ENTITIES = 500
"""In one request, by the protocol."""
TIMEOUT_S = 30.0


async def inquire(
    suspects: list[Suspect], gateway: GatewayTransport, store: Store, report: Report
) -> AsyncIterator[list[Suspect]]:
    """Those found missing, piece by piece; they are on their way now.

    Raises TargetUnavailable, TargetPaused while the agent is away.
    """
    for start in range(0, len(suspects), MOST_ENTITIES):
        yield await _inquire(suspects[start : start + MOST_ENTITIES], gateway, store, report)


async def _inquire(suspects: list[Suspect], gateway: GatewayTransport, store: Store, report: Report) -> list[Suspect]:
    site = gateway.site
    still = [each for each in suspects if _newer(each, site, store) is None]
    if not still:
        report.on_the_way += len(suspects)
        return []
    asked_seq = table.highest_seq(store.read)
    answer = await gateway.ask("reemit", timeout_s=TIMEOUT_S, entities=[_pair(each) for each in still])
    inserted = {(each["entity"], each["entity_id"]) for each in answer["inserted"]}
    asked = [
        each
        for each in still
        if (each.entity, each.entity_id) in inserted and not _was_late(each, site, store, str(answer["at"]))
    ]
    await _note(asked, site, store, asked_seq)
    report.asked += len(asked)
    report.on_the_way += len(suspects) - len(asked)
    missing = [each for each in asked if each.is_sure]
    for each in missing:
        report.missing.append(f"{each.entity}/{each.entity_id}" + (" D" if each.op == "D" else ""))
        log("manifest_missing", level=logging.WARNING, site=site, entity=f"{each.entity}/{each.entity_id}", op=each.op)
    return missing


def _newer(suspect: Suspect, site: str, store: Store) -> Newest | None:
    """The event that came since the suspect was looked at."""
    newest = table.newest(store.read, site, suspect.entity, suspect.entity_id)
    return None if newest is None or newest.seq == suspect.seq else newest


def _was_late(suspect: Suspect, site: str, store: Store, inserted_at: str) -> bool:
    """Its event came while the agent was asked, from a row of its own. The event of the row that was inserted may be
    here, too: that one comes of asking, and is no excuse."""
    newer = _newer(suspect, site, store)
    return newer is not None and newer.committed_at < inserted_at


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
