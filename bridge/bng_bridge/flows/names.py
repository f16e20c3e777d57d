"""What a record of a shop is called at BNG: its ExternalID, the same for ever.

An id that a restored shop has given a second time gets a suffix, so that the new record is not taken for the lost one, which
BNG still has under the plain name.
"""

import re
import sqlite3

from bng_bridge import bindings, generations
from bng_bridge.bindings import Binding
from bng_bridge.config import Site

GUEST_ORDER = "guest-order-"


def order_name(db: sqlite3.Connection, name: str, site: Site, order_id: str) -> str:
    """`name` is the site's."""
    return _name(db, name, site, order_id, "order", order_id)


def customer_name(db: sqlite3.Connection, name: str, site: Site, source_id: str) -> str:
    """`source_id` is a customer's id, or a guest's key; that of a guest of one order holds the order's id."""
    if source_id.startswith(GUEST_ORDER):
        return _name(db, name, site, source_id, "order", source_id.removeprefix(GUEST_ORDER))
    return _name(db, name, site, source_id, "customer", source_id)


def account(db: sqlite3.Connection, customer_id: str) -> Binding | None:
    """The binding of the shop's customer behind one of BNG's; None also for a guest, who has no account."""
    bound = bindings.by_target(db, "bng", "customer", customer_id)
    return bound if bound is not None and bound.target_key.split("/")[2].isdecimal() else None


def posted_name(db: sqlite3.Connection, name: str, site: Site, order_id: str, posted: str) -> str:
    """`posted` says what of the order it is: invoice-12, invoice-12-capture. A restored shop gives its documents' ids anew
    with those of its orders."""
    return _name(db, name, site, posted, "order", order_id)


def names_an_order(site: Site, name: str, external_id: str) -> bool:
    """Whether this site's template gives such a name to an order."""
    return _is_named(site, name, r"\d+(-r\d+)?", external_id)


def names_posted(site: Site, name: str, external_id: str) -> bool:
    """Whether this site's template gives such a name to what is posted for a document of the shop."""
    return _is_named(site, name, r"(invoice|creditmemo|shipment)-\d+(-r\d+)?", external_id)


def _is_named(site: Site, name: str, form: str, external_id: str) -> bool:
    fixed = site.external_id.format(site=name, id="\0").split("\0")
    return re.fullmatch(form.join(map(re.escape, fixed)), external_id) is not None


def _name(db: sqlite3.Connection, name: str, site: Site, source_id: str, entity: str, record_id: str) -> str:
    generation = generations.number(db, name, entity, int(record_id)) if record_id.isdecimal() else 0
    suffix = f"-r{generation}" if generation else ""
    return site.external_id.format(site=name, id=f"{source_id}{suffix}")
