"""A window of days: from the site's calendar to the shop's filters. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bng_bridge.magento.listing import Filter, Listing
from bng_bridge.manifest.survey import CUSTOMERS, ORDERS
from bridge_common.magento_time import to_magento

LISTINGS: dict[str, Listing] = {"order": ORDERS, "customer": CUSTOMERS}
"""What can be brought over, and where the shop lists it: with all that the ledger wants to know."""


@dataclass(frozen=True, slots=True)
class Days:
    """From `first` to `last`, both included, in the site's calendar; `last` None: until now."""

    first: date
    last: date | None

    def span(self, time_zone: str, now: datetime) -> tuple[datetime, datetime]:
        """since <= created_at < until. What is made from `now` on comes by itself."""
        zone = ZoneInfo(time_zone)
        since = _midnight(self.first, zone)
        until = now.replace(microsecond=0)
        return since, until if self.last is None else min(until, _midnight(self.last + timedelta(days=1), zone))


def created_between(since: datetime, until: datetime) -> list[Filter]:
    """The shop's times are whole seconds."""
    return [
        ("created_at", "gteq", to_magento(since)),
        ("created_at", "lteq", to_magento(until - timedelta(seconds=1))),
    ]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
