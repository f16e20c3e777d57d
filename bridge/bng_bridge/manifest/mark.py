"""How far a shop is listed: for each entity, when the last pass that came to the end of its list began.

What was made before has its row in the manifest. Whether anything was made after it, nobody has looked.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from bng_bridge import sites
from bng_bridge.config import Site
from bridge_common.clock import from_text

LEAST_ALLOWANCE = timedelta(minutes=30)
"""Of a manifest that passes more often, or only when it is asked to: a pass over a large shop takes minutes."""


def move(db: sqlite3.Connection, site: str, entities: Iterable[str], began_at: str) -> None:
    for entity in entities:
        sites.move_watermark(db, _name(site, entity), began_at)


def listed_at(db: sqlite3.Connection, site: str, entity: str) -> str | None:
    """None: never."""
    return sites.watermark(db, _name(site, entity))


def why_unlisted(mark: str | None, name: str, site: Site, end: datetime, now: datetime) -> str:
    """A sentence where a day that ends at `end` may have records that no pass has seen; empty where it has none.

    A day that is not over, or just over, may be as late as two passes.
    """
    interval_s = site.manifest.interval_s
    if mark is None:
        off = "" if interval_s else f": it is only when asked for, interval_s of [sites.{name}.manifest] is 0"
        return f"the shop itself was not listed, only what arrived is counted{off}"
    allowance = max(2 * timedelta(seconds=interval_s), LEAST_ALLOWANCE)
    if from_text(mark) >= min(end, now - allowance):
        return ""
    return f"the shop was not listed since {mark[:10]} {mark[11:19]} UTC, of later only what arrived is counted"


def _name(site: str, entity: str) -> str:
    return f"manifest/{site}/{entity}/listed"
