"""Reading one of the shop's lists: what changed since a moment, page by page in the order of the ids.

Keyset paging: a page is what lies above the highest id of the one before, since pages by number shift while rows change.
One entry that the shop cannot show makes every page fail that holds it: pages are then made smaller, down to that entry,
and it is stepped over. A shop that fails as a whole is told apart by a search that finds nothing and must succeed.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from bridge_common.errors import RejectedByTarget, TargetUnavailable
from bridge_common.magento_rest import BadAnswer, MagentoRest, Query
from bridge_common.magento_time import from_magento, to_magento

HIGHEST_ID = 1 << 32
NO_TIME = "9999-12-31 23:59:59"
"""Of an entry that cannot be shown."""

Filter = tuple[str, str, str]
"""(field, condition, value)"""


@dataclass(frozen=True)
class Listing:
    """Where REST lists it, what the id is called in the document, and whose change an entry is."""

    path: str
    id_field: str
    entity: str
    entity_id_field: str


LISTINGS = {
    "orders": Listing("/V1/orders", "entity_id", "order", "entity_id"),
    "shipments": Listing("/V1/shipments", "entity_id", "order", "order_id"),
    "invoices": Listing("/V1/invoices", "entity_id", "order", "order_id"),
    "creditmemos": Listing("/V1/creditmemos", "entity_id", "order", "order_id"),
    "customers": Listing("/V1/customers/search", "id", "customer", "id"),
    "products": Listing("/V1/products", "id", "product", "id"),
}


class Entry(NamedTuple):
    """`updated_at` is UTC in Magento's form, which sorts as text. `document` is None where the shop cannot show it."""

    id: int
    updated_at: str
    document: dict[str, Any] | None
    entity: str
    entity_id: int


class Page(NamedTuple):
    """Never empty. `is_last` False: there may be more above its highest id."""

    entries: list[Entry]
    is_last: bool


class Lists:
    """Methods raise AccessDenied, RateLimited, TargetUnavailable, or RejectedByTarget where the shop has no such list."""

    def __init__(self, rest: MagentoRest, page_size: int) -> None:
        self._rest = rest
        self._page_size = page_size

    async def pages(self, listing: Listing, since: str) -> AsyncIterator[Page]:
        """Entries with `updated_at >= since`."""
        last_id, size, is_last = 0, self._page_size, False
        while not is_last:
            try:
                entries, is_last = await self._page(listing, since, last_id, size)
            except (RejectedByTarget, BadAnswer) as error:
                await self._prove_health(listing, error)
                if size > 1:
                    size //= 2
                    continue
                entries, size = [await self._not_shown(listing, since, last_id)], self._page_size
            if entries:
                yield Page(entries, is_last)
                last_id = entries[-1].id

    async def newest(self, listing: Listing, not_after: str) -> str | None:
        """The highest `updated_at` that is not in the future, by the shop's own word."""
        filters = [("updated_at", "lteq", not_after)]
        entries, _ = await self._read(listing, _query(filters, "updated_at", "DESC", 1))
        return entries[0].updated_at if entries else None

    async def _page(self, listing: Listing, since: str, last_id: int, size: int) -> tuple[list[Entry], bool]:
        """And whether it is the last. Fewer than asked for are no sign of it: an extension may filter what was found."""
        filters = [("updated_at", "gteq", since), ("entity_id", "gt", str(last_id))]
        entries, total = await self._read(listing, _query(filters, "entity_id", "ASC", size))
        page = sorted((entry for entry in entries if entry.id > last_id), key=lambda entry: entry.id)
        return page, not page or (len(entries) < size and total <= len(entries))

    async def _prove_health(self, listing: Listing, error: Exception) -> None:
        try:
            await self._read(listing, _query([("entity_id", "lteq", "0")], "entity_id", "ASC", 1))
        except (RejectedByTarget, BadAnswer):
            raise TargetUnavailable(f"the shop cannot be listed: {error}") from error

    async def _not_shown(self, listing: Listing, since: str, above: int) -> Entry:
        """The first entry above this id, which no search can show: found by the ranges of ids whose search fails."""
        low, width = above, 1
        while await self._is_shown(listing, since, low, low + width):
            low, width = low + width, width * 2
            if width > HIGHEST_ID:
                raise TargetUnavailable(f"GET {listing.path} fails now and then")
        high = low + width
        while high - low > 1:
            middle = (low + high) // 2
            if await self._is_shown(listing, since, low, middle):
                low = middle
            else:
                high = middle
        return Entry(high, NO_TIME, None, listing.entity, high if listing.entity_id_field == listing.id_field else 0)

    async def _is_shown(self, listing: Listing, since: str, low: int, high: int) -> bool:
        """Whether the search for the first entry with low < id <= high has an answer."""
        bounds = [("entity_id", "gt", str(low)), ("entity_id", "lteq", str(high))]
        try:
            await self._read(listing, _query([("updated_at", "gteq", since), *bounds], "entity_id", "ASC", 1))
        except (RejectedByTarget, BadAnswer):
            return False
        return True

    async def _read(self, listing: Listing, query: Query) -> tuple[list[Entry], int]:
        """And how many match in all."""
        body = await self._rest.read(listing.path, query)
        try:
            return [_entry(listing, item) for item in body["items"] or []], int(body.get("total_count") or 0)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TargetUnavailable(f"GET {listing.path} answered in another form than Magento's") from error


def _entry(listing: Listing, item: dict[str, Any]) -> Entry:
    updated_at = to_magento(from_magento(str(item["updated_at"])))
    return Entry(int(item[listing.id_field]), updated_at, item, listing.entity, int(item[listing.entity_id_field]))


def _query(filters: Iterable[Filter], sort_field: str, direction: str, size: int) -> Query:
    """Filters all hold."""
    query: Query = []
    for index, (field, condition, value) in enumerate(filters):
        prefix = f"searchCriteria[filter_groups][{index}][filters][0]"
        query += [(f"{prefix}[field]", field), (f"{prefix}[condition_type]", condition), (f"{prefix}[value]", value)]
    return [
        *query,
        ("searchCriteria[sortOrders][0][field]", sort_field),
        ("searchCriteria[sortOrders][0][direction]", direction),
        ("searchCriteria[pageSize]", str(size)),
    ]
