"""Magento's times as text: UTC without saying so, in whole seconds. An offset in a filter would be ignored silently."""

from datetime import UTC, datetime

_FORM = "%Y-%m-%d %H:%M:%S"


def to_magento(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_FORM)


def from_magento(text: str) -> datetime:
    """Aware UTC. Raises ValueError for what is no time: Magento has had days such as 0000-00-00."""
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
