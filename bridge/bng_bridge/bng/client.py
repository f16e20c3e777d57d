"""BNG's REST API in BNG's names: what its profile says otherwise begins and ends here. Knows no flow and no binding.

A call's class is its resource, by BNG's name. Tokens are no calls.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from bng_bridge import http
from bng_bridge.bng import profile_file, refusals
from bng_bridge.bng.auth import auth_of
from bng_bridge.bng.fields import ID_FIELDS
from bng_bridge.bng.listing import Listing
from bng_bridge.bng.pointers import at
from bng_bridge.bng.unreadable import Unreadable, reading
from bng_bridge.bng.wire import Record, Wire
from bng_bridge.config import Bng
from bng_bridge.pacing.throttle import Throttle
from bridge_common.errors import AccessDenied, MappingError, RejectedByTarget, TargetPaused
from bridge_common.http import Answer

Odd = Callable[[Unreadable], None]
"""Told of each record of a list that cannot be read, and is left out; without it the list ends there, with that error."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record in BNG's names. `version` is what an update has to name, "" where there is none to name."""

    body: Record
    version: str


@dataclass(frozen=True, slots=True)
class Written:
    """`problem` is one of those that the caller accepts, else OK. `record_id` where BNG answers without the record."""

    problem: str
    stored: Stored | None = None
    record_id: str = ""
    status: int = 0


class BngClient:
    """Reads take a throttle slot of their own; a write runs inside the slot that `deliver` took."""

    def __init__(self, session: aiohttp.ClientSession, config: Bng) -> None:
        self.config = config
        self.profile = profile_file.load(config.profile)
        self.wire = Wire(self.profile)
        self.throttle = Throttle(
            "BNG", requests_per_s=config.requests_per_s, concurrency=config.concurrency, limits=config.limits
        )
        self._session = session
        self._base = f"{config.base_url}{self.profile.base_path}"
        self._auth = auth_of(session, config, self.profile.login)

    async def check(self) -> None:
        """One harmless read. Raises AccessDenied or TargetUnavailable with a remedy."""
        try:
            listing = Listing(self.profile, self.wire, "customers", {}, most=1)
            listing.rows((await self._page(listing)).body)
        except TargetPaused as error:
            raise AccessDenied(error.message, hint=error.hint) from error
        except RejectedByTarget as error:
            raise AccessDenied(
                f"BNG at {self.config.base_url} does not answer like BNG: {error.message}",
                hint=f"Check [bng] base_url and profile: it is the address before {self.profile.base_path}.",
            ) from error

    async def get(self, path: str) -> Record | None:
        """The record at `resource/id`, or None when BNG has none."""
        resource, _, record_id = path.partition("/")
        stored = await self.read(resource, record_id)
        return None if stored is None else stored.body

    async def read(self, resource: str, record_id: str) -> Stored | None:
        return await self._read(resource, self._path(self.profile.paths.record, resource, id=record_id))

    async def read_by_external_id(self, resource: str, reference: str) -> Stored | None:
        return await self._read(resource, self._path(self.profile.paths.external, resource, external_id=reference))

    async def search(self, resource: str, *, odd: Odd | None = None, **filters: str) -> list[Record]:
        return [item async for item in self.pages(resource, odd=odd, **filters)]

    async def pages(self, resource: str, *, odd: Odd | None = None, **filters: str) -> AsyncIterator[Record]:
        """Every record that matches, page by page. Filters as in fields.FILTERS."""
        async for stored in self.stored(resource, odd=odd, **filters):
            yield stored.body

    async def stored(self, resource: str, *, odd: Odd | None = None, **filters: str) -> AsyncIterator[Stored]:
        """The same with their versions. Where BNG lists ids only, each record is read by itself."""
        listing = Listing(self.profile, self.wire, resource, filters)
        more = True
        while more:
            async with self.throttle.slot(resource):
                answer = await self._page(listing)
            rows = listing.rows(answer.body)
            for row in rows:
                try:
                    found = await self._listed(resource, row)
                except Unreadable as error:
                    if odd is None:
                        raise
                    odd(error)
                    continue
                if found is not None:
                    yield found
            more = listing.move_on(answer.body, rows)

    async def create(self, resource: str, body: Record, request_id: str, *, accept: tuple[str, ...]) -> Written:
        """POST to the resource."""
        path = quote(self.profile.path_of(resource))
        return await self.write("POST", resource, path, self._new(resource, body), request_id, accept=accept)

    async def put(
        self, resource: str, reference: str, body: Record, request_id: str, *, accept: tuple[str, ...]
    ) -> Written:
        """PUT by ExternalID; where the profile has it, only if there is no such record."""
        path = self._path(self.profile.paths.external, resource, external_id=reference)
        headers = {"If-None-Match": "*"} if self.profile.create == "put-if-absent" else {}
        new = self._new(resource, body)
        return await self.write("PUT", resource, path, new, request_id, headers=headers, accept=accept)

    async def change(
        self, resource: str, record_id: str, fields: Record, version: str, request_id: str, *, accept: tuple[str, ...]
    ) -> Written:
        """Under this version, where BNG compares versions and one is known."""
        how = self.profile.concurrency.check
        headers = {"If-Match": version} if version and how == "if-match" else {}
        if version and how == "field":
            fields = {**fields, "Version": version}
        path = self._path(self.profile.paths.record, resource, id=record_id)
        body = self.wire.outward(resource, fields)
        verb = self.profile.update.verb
        return await self.write(verb, resource, path, body, request_id, headers=headers, accept=accept)

    async def cancel(self, record_id: str, request_id: str, *, accept: tuple[str, ...]) -> Written:
        path = self._path(self.profile.paths.cancel, "sales-orders", id=record_id)
        return await self.write("POST", "sales-orders", path, {}, request_id, accept=accept)

    async def reverse(self, entry_id: str, fields: Record, request_id: str, *, accept: tuple[str, ...]) -> Written:
        """Makes the entry that reverses this one; `fields` are its ExternalID, EntryDate and Reference, as far as given."""
        path = self._path(self.profile.paths.reverse, "gl-entries", id=entry_id)
        body = self.wire.outward("gl-entries", fields)
        return await self.write("POST", "gl-entries", path, body, request_id, accept=accept)

    async def write(
        self,
        method: str,
        resource: str,
        path: str,
        body: Record,
        request_id: str,
        *,
        headers: dict[str, str] | None = None,
        accept: tuple[str, ...] = (),
    ) -> Written:
        """`path` and `body` as the ERP has them. Raises what refusals.error_of says for a problem not in `accept`."""
        keys = self.profile.idempotency
        all_headers = headers or {}
        if request_id and method in keys.methods:
            all_headers = {**all_headers, keys.header: request_id}
        await self.throttle.begin(resource)
        url = f"{self._base}/{path}"
        answer, problem = await self._ask(method, resource, url, body=body, headers=all_headers, accept=accept)
        if problem:
            return Written(problem, status=answer.status)
        stored = self._in_answer(resource, answer)
        return Written(problem, stored) if stored else Written(problem, record_id=_id_in(answer.location))

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """For what is no record: the answer's body. `path` and `body` as the ERP has them."""
        resource = path.partition("/")[0]
        headers = {"If-Match": "*"} if method == "PATCH" and self.profile.concurrency.required else {}
        async with self.throttle.slot(resource):
            answer, _ = await self._ask(method, resource, f"{self._base}/{path}", body=body, headers=headers)
        return answer.body

    async def _read(self, resource: str, path: str) -> Stored | None:
        async with self.throttle.slot(resource):
            answer, problem = await self._ask("GET", resource, f"{self._base}/{path}", accept=("not-found",))
        if problem:
            return None
        record = at(answer.body, self.profile.answers.record)
        if not isinstance(record, dict):
            raise RejectedByTarget(f"GET {self._base}/{path} answered with no record", status=answer.status)
        return self._stored(resource, record, answer.etag)

    async def _listed(self, resource: str, row: Any) -> Stored | None:
        """Raises Unreadable, too, for one that BNG lists and does not give."""
        try:
            if self.profile.list.rows == "full":
                return self._stored(resource, row)
            with reading(self._name(resource, row)):
                record_id = self.wire.id_of(resource, row)
            return await self.read(resource, record_id)
        except (MappingError, RejectedByTarget) as error:
            raise Unreadable(f"BNG has {self._name(resource, row)}: {error.message}", hint=error.hint) from error

    def _in_answer(self, resource: str, answer: Answer) -> Stored | None:
        """The record after a write. One that cannot be read is as good as none: it is written, whatever is said of it."""
        record = at(answer.body, self.profile.answers.record)
        try:
            with reading(resource):
                has_id = isinstance(record, dict) and self.wire.has_id(resource, record)
            return self._stored(resource, record, answer.etag) if has_id else None
        except (MappingError, Unreadable):
            return None

    async def _page(self, listing: Listing) -> Answer:
        url = listing.url
        if url is not None and url.origin() != URL(self._base).origin():
            raise RejectedByTarget(f"BNG's list goes on at another server, {url.origin()}: the login is not sent there")
        first = f"{self._base}/{quote(self.profile.path_of(listing.resource))}"
        query = listing.query if url is None else None
        asked = self._ask("GET", listing.resource, first if url is None else url, query=query, headers=listing.headers)
        return (await asked)[0]

    async def _ask(
        self,
        method: str,
        resource: str,
        url: str | URL,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        accept: tuple[str, ...] = (),
    ) -> tuple[Answer, str]:
        """The answer and its problem, which is OK or in `accept`."""
        clock = asyncio.get_running_loop().time
        ends_at_s = clock() + self.config.timeout_s
        for last in (False, True):
            login = await self._login()
            answer = await http.send(
                self._session, method, url, timeout_s=max(ends_at_s - clock(), 0.001), query=query, body=body,
                headers={**(headers or {}), **login},
            )  # fmt: skip
            self.throttle.heed(answer)
            if answer.status != 401 or last or not self._auth.refused():
                break
            await self.throttle.again(resource)
        problem = refusals.problem_of(self.profile, answer)
        if problem in accept or answer.status < 400:
            return answer, problem
        raise refusals.error_of(self.profile, method, str(url), answer, problem)

    async def _login(self) -> dict[str, str]:
        try:
            return await self._auth.headers()
        except AccessDenied as error:
            # Once running, a refused login pauses BNG for all; it is no single event's fault.
            raise TargetPaused(error.message, hint=error.hint, delay_s=15) from error

    def _stored(self, resource: str, record: Record, etag: str = "") -> Stored:
        """Raises Unreadable, or MappingError for a value of another form than the profile's."""
        with reading(self._name(resource, record)):
            body = self.wire.inward(resource, record)
            how = self.profile.concurrency
            if how.check == "none":
                return Stored(body, "")
            tag = how.tag if how.check == "if-match" else "{Version}"
            return Stored(body, etag if how.version == "header" else tag.format(Version=body["Version"]))

    def _name(self, resource: str, record: Any) -> str:
        """For people, of whatever was answered."""
        found = at(record, f"/{self.wire.name_of(resource, ID_FIELDS[resource])}")
        return f"{resource} {str(record)[:100] if found is None else found}"

    def _new(self, resource: str, body: Record) -> Record:
        return self.wire.outward(resource, body, is_new=True)

    def _path(self, template: str, resource: str, **values: str) -> str:
        quoted = {name: quote(value, safe="") for name, value in values.items()}
        return template.format(path=quote(self.profile.path_of(resource)), **quoted)


def _id_in(location: str) -> str:
    """The id at the end of a record's own address, as in …/customer/647 or …/customers(647)."""
    return location.rstrip("/)").replace("(", "/").rsplit("/", 1)[-1]
