"""How a list is asked for, and how its next page is: parameters, filters and continuation as the profile has them."""

from collections.abc import Iterator
from typing import Any

from yarl import URL

from bng_bridge.bng.fields import FILTERS
from bng_bridge.bng.pointers import at
from bng_bridge.bng.profile import Profile
from bng_bridge.bng.wire import Wire
from bridge_common import decimal_json
from bridge_common.errors import RejectedByTarget

Query = dict[str, str]


class Listing:
    """One list of one resource, from its first page to its last."""

    def __init__(
        self, profile: Profile, wire: Wire, resource: str, filters: dict[str, str], *, most: int | None = None
    ) -> None:
        self.resource = resource
        self._how = profile.list
        self._wire = wire
        self._most = most or self._how.size.most
        self.query: Query = {**self._how.always, **self._size(), **self._filters(filters)}
        self.url: URL | None = None
        """Where the next page is, if the page before said so; the query is in it."""
        self._last: list[dict[str, Any]] = []
        self._passed = 0
        self._pages = 1
        self._step({}, first=True)

    @property
    def headers(self) -> dict[str, str]:
        size = self._how.size
        return {size.header: size.text.format(size=self._most)} if size.header else {}

    def rows(self, body: Any) -> list[dict[str, Any]]:
        """Raises RejectedByTarget for an answer that is no list: a login page, or another server."""
        rows = at(body, self._how.records)
        if not isinstance(rows, list):
            what = self._how.records or "rows"
            raise RejectedByTarget(f"BNG's list of {self.resource} has no {what}: {str(body)[:100]}", status=200)
        return rows

    def move_on(self, body: Any, rows: list[dict[str, Any]]) -> bool:
        """Whether there is another page; then `query` and `url` ask for it.

        Raises RejectedByTarget for the same page twice: a server that does not know the parameter would give it for ever.
        """
        if rows and rows == self._last:
            raise RejectedByTarget(f"BNG gives the same page of {self.resource} again", status=200)
        self._last = rows
        self._passed += len(rows)
        self._pages += 1
        return self._step(body, is_full=len(rows) >= self._most)

    def _step(self, body: Any, *, first: bool = False, is_full: bool = True) -> bool:
        how = self._how.next
        if how.by in ("cursor", "link"):
            found = None if first else at(body, how.at)
            if found and how.by == "cursor":
                self.query[how.parameter] = str(found)
            elif found:
                self.url = _address(str(found))
            return bool(found)
        self.query[how.parameter] = str(self._passed if how.by == "offset" else self._pages)
        return bool(at(body, how.more)) if how.more else is_full

    def _size(self) -> Query:
        size = self._how.size
        return {} if size.header else {size.parameter: size.text.format(size=self._most)}

    def _filters(self, filters: dict[str, str]) -> Query:
        how = self._how.filters
        if not filters or how.by == "parameters":
            return {how.parameters.get(name, name): self._value(name, text) for name, text in filters.items()}
        terms = list(self._terms(filters))
        if how.by == "json":
            asked = [[field, ">=" if name == "updated_since" else "=", value] for name, field, value in terms]
            return {how.parameter: decimal_json.dumps(asked)}
        return {how.parameter: how.together.join(self._term(*term) for term in terms)}

    def _terms(self, filters: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
        for name, text in filters.items():
            yield name, self._wire.name_of(self.resource, FILTERS[name]), self._typed(name, text)

    def _term(self, name: str, field: str, value: Any) -> str:
        how = self._how.filters
        template = how.since if name == "updated_since" else how.equal
        text = str(value)
        return template.format(field=field, value=text.replace(how.quote, how.quote * 2) if how.quote else text)

    def _value(self, name: str, text: str) -> str:
        return str(self._typed(name, text))

    def _typed(self, name: str, text: str) -> Any:
        return self._wire.value_of(self.resource, FILTERS[name], text)


def _address(link: str) -> URL:
    """Raises RejectedByTarget for what is no whole address."""
    try:
        url = URL(link, encoded=True)
        url.origin()
    except ValueError as error:
        raise RejectedByTarget(f"BNG's list goes on at {link!r}, which is no address", status=200) from error
    return url
