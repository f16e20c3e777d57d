"""A list of the shop, page by page in the order of the ids, tile by tile: what a page lacks, the shop did not show.

Keyset paging: pages by number shift while rows change. An answer too large for a packet of the gateway halves the page,
and so does a failure; a single record that the shop cannot show is stepped over, in a tile of its own.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bng_bridge.magento.client import MagentoClient
from bridge_common.clock import utc_now
from bridge_common.errors import BridgeError, OutcomeUnknown, RejectedByTarget, TargetUnavailable

PAGE_SIZE = 200
MOST_STEPS = 20
"""Ids tried in a row without an answer before the shop is given up for this time."""
TOO_LARGE = 413

Filter = tuple[str, str, str]
"""(field, condition, value)"""


@dataclass(frozen=True)
class Listing:
    """Where REST lists it, what of it is wanted, what a document calls its id, and what a filter calls it."""

    path: str
    fields: str
    id_field: str = "entity_id"
    column: str = "entity_id"


class Page(NamedTuple):
    """Items with `after < id <= upto`, all that there are; to the end where `upto` is None. `began_at`: asked for then."""

    items: list[dict[str, Any]]
    began_at: datetime
    after: int
    upto: int | None


async def pages(
    client: MagentoClient, listing: Listing, some: Sequence[Filter], after: int = 0, *, every: Sequence[Filter] = ()
) -> AsyncGenerator[Page, None]:
    """Those above `after` for which one of `some` holds, if there are any, and all of `every`.

    Raises what the client raises, and TargetUnavailable for an answer that is no list of Magento's.
    """
    groups = [group for group in (list(some), *([each] for each in every)) if group]
    size, steps = PAGE_SIZE, 0
    while True:
        began_at = utc_now()
        try:
            items, is_last = await _page(client, listing, groups, after, size)
        except (RejectedByTarget, OutcomeUnknown) as error:
            if size > 1 and _may_fit(error):
                size //= 2
                continue
            steps += 1
            if steps > MOST_STEPS or not _may_fit(error):
                raise
            yield Page([], began_at, after, after + 1)
            after += 1
            continue
        upto = None if is_last else int(items[-1][listing.id_field])
        yield Page(items, began_at, after, upto)
        if upto is None:
            return
        after, size, steps = upto, PAGE_SIZE if steps else size, 0


async def by_ids(client: MagentoClient, listing: Listing, ids: Iterable[int]) -> AsyncGenerator[Page, None]:
    """The records with these ids, as far as the shop shows them."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), PAGE_SIZE):
        piece = wanted[start : start + PAGE_SIZE]
        named = [("entity_id", "in", ",".join(map(str, piece)))]
        async for page in pages(client, listing, named):
            yield page


async def _page(
    client: MagentoClient, listing: Listing, groups: list[list[Filter]], after: int, size: int
) -> tuple[list[dict[str, Any]], bool]:
    """And whether it is the last. Fewer than asked for are no sign of it: an extension may filter what was found."""
    body = await client.get(listing.path, _query(listing, groups, after, size))
    if body is None:
        raise TargetUnavailable(f"{client.site} has no list {listing.path}")
    try:
        items = [item for item in body["items"] or [] if int(item[listing.id_field]) > after]
        items.sort(key=lambda item: int(item[listing.id_field]))
        return items, not items or (len(items) < size and int(body.get("total_count") or 0) <= len(items))
    except (KeyError, TypeError, ValueError) as error:
        raise TargetUnavailable(f"{client.site}: {listing.path} answered in another form than Magento's") from error


def _may_fit(error: BridgeError) -> bool:
    """A smaller page may have an answer: this one was too large, or one of its records breaks it."""
    return isinstance(error, OutcomeUnknown) or (isinstance(error, RejectedByTarget) and error.status == TOO_LARGE)


def _query(listing: Listing, groups: list[list[Filter]], after: int, size: int) -> dict[str, str]:
    query: dict[str, str] = {}
    for group_number, group in enumerate([*groups, [(listing.column, "gt", str(after))]]):
        for number, (field, condition, value) in enumerate(group):
            prefix = f"searchCriteria[filter_groups][{group_number}][filters][{number}]"
            query |= {
                f"{prefix}[field]": field,
                f"{prefix}[condition_type]": condition,
                f"{prefix}[value]": value,
            }
    return {
        **query,
        "searchCriteria[sortOrders][0][field]": listing.column,
        "searchCriteria[sortOrders][0][direction]": "ASC",
        "searchCriteria[pageSize]": str(size),
        "fields": f"items[{listing.fields}],total_count",
    }
