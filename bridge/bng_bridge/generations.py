"""Which ids a restored shop has given anew; see docs/adr/0011-generations-of-a-restored-shop.md.

Rows are only ever added, so that a record keeps for ever the name at BNG that it once got.
"""

import sqlite3

from bridge_common import queries

_SQL = queries.load("bng_bridge", "generations")


def number(db: sqlite3.Connection, site: str, entity: str, record_id: int) -> int:
    """Of an `order` or `customer`: 0, or how often the shop had been restored when it gave this id last."""
    return int(db.execute(_SQL["number"], {"site": site, "entity": entity, "id": record_id}).fetchone()[0])


def begin(db: sqlite3.Connection, site: str, entity: str, first_id: int, now: str) -> None:
    """From `first_id` on, ids have new records."""
    db.execute(_SQL["begin"], {"site": site, "entity": entity, "first_id": first_id, "now": now})
