"""A shop's REST API over HTTP: address, login, error form. Used by the agent, and by the bridge for a hosted shop."""

import asyncio
import re
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bridge_common import decimal_json
from bridge_common.config import read_secret
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    InMaintenance,
    OutcomeUnknown,
    RateLimited,
    RejectedByTarget,
    TargetUnavailable,
)
from bridge_common.http import Answer, Parse, connector, exchange
from bridge_common.magento_auth import AdminLogin, Auth, Bearer, Headers, OAuth1
from bridge_common.magento_config import MagentoSection

Query = list[tuple[str, str]]

TEXT_SHOWN = 200
_STORE = re.compile(r"/(?!rest/)([a-z][a-z0-9_]*)(?=/V1/)")


class BadAnswer(TargetUnavailable):
    """A read that reached the shop and got no usable answer: the fault may be the shop's, or this one request's."""


class MagentoRest:
    """One shop. Open it as a context manager; its secrets are read when it is made (ConfigError).

    `table` is where its configuration stands, for a person who has to change it.
    """

    def __init__(self, section: MagentoSection, *, table: str = "magento") -> None:
        self._section = section
        self._table = table
        self._base = f"{section.base_url}/rest"
        self._store = f"/{section.store_code}" if section.store_code else ""
        self._auth = self._read_login()

    async def __aenter__(self) -> Self:
        self._reads = self._session(force_close=False)
        # A write over a kept connection that the server is just closing has an unknown outcome: each gets its own.
        self._writes = self._session(force_close=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reads.close()
        await self._writes.close()

    async def read(self, path: str, query: Query | None = None, *, parse: Parse = decimal_json.loads) -> Any:
        """The body of a GET, as `parse` makes it of its bytes; it raises ValueError for one that is no JSON.

        Raises AccessDenied (401, 403), RateLimited (429), TargetUnavailable (unreachable, 503), BadAnswer (no answer in
        time, 502, 504, not JSON), RejectedByTarget (any other status).
        """
        try:
            answer = await self.send("GET", path, query, timeout_s=self._section.timeout_s, parse=parse)
        except OutcomeUnknown as error:
            raise BadAnswer(error.message) from error
        if answer.status != 200:
            raise self._read_error(path, answer)
        if isinstance(answer.body, dict) and set(answer.body) == {"text"}:
            raise BadAnswer(f"GET {path} answered with something that is not JSON", hint=self._address_hint())
        return answer.body

    async def send(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        *,
        timeout_s: float,
        parse: Parse = decimal_json.loads,
    ) -> Answer:
        """One request; every status is an answer. `path` is percent-encoded and begins with /V1/, or with a store code of
        its own, as in /all/V1/products.

        A login that ended is renewed once: a 401 is said before anything is executed. All of it ends within `timeout_s`,
        which an unknown outcome's quiet period counts on.
        Raises TargetUnavailable when it surely did not reach the shop, OutcomeUnknown when it may have, AccessDenied when
        the admin login itself is refused.
        """
        url = self._url(path, query)
        session = self._reads if method == "GET" else self._writes
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + timeout_s
        for last in (False, True):
            headers = await self._headers(method, url, ends_at_s)
            left_s = max(ends_at_s - loop.time(), 0.001)
            answer = await exchange(session, method, url, timeout_s=left_s, headers=headers, body=body, parse=parse)
            if answer.status != 401 or last or not self._auth.refused(headers):
                break
        return answer

    async def _headers(self, method: str, url: URL, ends_at_s: float) -> Headers:
        try:
            async with asyncio.timeout_at(ends_at_s):
                return await self._auth.headers(method, str(url))
        except TimeoutError as error:
            raise TargetUnavailable(f"{method} {url}: the login was not answered in time") from error

    def _read_login(self) -> Auth:
        section = self._section
        if section.token_file is not None:
            return Bearer(self._secret("token_file"))
        if section.admin_user is not None:
            password = self._secret("admin_password_file")
            return AdminLogin(lambda: self._log_in(password))
        consumer_key, access_token = str(section.consumer_key), str(section.access_token)
        consumer_secret, token_secret = self._secret("consumer_secret_file"), self._secret("access_token_secret_file")
        return OAuth1(consumer_key, consumer_secret, access_token, token_secret)

    def _secret(self, key: str) -> str:
        return read_secret(getattr(self._section, key), key=f"{self._table}.{key}")

    async def _log_in(self, password: str) -> str:
        section = self._section
        url = self._url("/V1/integration/admin/token", None)
        body = {"username": section.admin_user, "password": password}
        try:
            answer = await exchange(self._writes, "POST", url, timeout_s=section.timeout_s, body=body)
        except OutcomeUnknown as error:
            raise TargetUnavailable(error.message) from error
        if answer.status == 200 and isinstance(answer.body, str):
            return answer.body
        if answer.status in (401, 403):
            raise AccessDenied(
                f"{section.base_url} refuses the admin user {section.admin_user!r}: {message_of(answer)}",
                hint=f"Check admin_user and admin_password_file in [{self._table}]; after some failures Magento locks an "
                "account for a while.",
            )
        text = f"the admin login answered {answer.status}: {message_of(answer)[:TEXT_SHOWN]}"
        kind = InMaintenance if answer.is_maintenance else TargetUnavailable
        raise kind(text, retry_after_s=answer.retry_after_s)

    def _url(self, path: str, query: Query | None) -> URL:
        store = "" if split_store(path)[0] else self._store
        text = f"{self._base}{store}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        return URL(text, encoded=True)

    def _session(self, *, force_close: bool) -> aiohttp.ClientSession:
        connections = connector(ssl=self._section.verify_tls, force_close=force_close)
        return aiohttp.ClientSession(connector=connections, cookie_jar=aiohttp.DummyCookieJar())

    def _read_error(self, path: str, answer: Answer) -> BridgeError:
        text = f"GET {path} answered {answer.status}: {message_of(answer)[:TEXT_SHOWN]}"
        if answer.status in (401, 403):
            return AccessDenied(text, hint=login_hint(self._section, self._table, message_of(answer)))
        if answer.status == 429:
            return RateLimited(text, retry_after_s=answer.retry_after_s)
        if answer.status == 503:
            return TargetUnavailable(text, retry_after_s=answer.retry_after_s)
        if answer.status in (502, 504):
            return BadAnswer(text, retry_after_s=answer.retry_after_s)
        hint = self._address_hint() if answer.status in (301, 302, 307, 308, 404) else ""
        return RejectedByTarget(text, hint=hint, status=answer.status)

    def _address_hint(self) -> str:
        return f"Check [{self._table}] base_url."


def split_store(path: str) -> tuple[str, str]:
    """(store code or "", path from /V1/ on): the same resource, whichever store view's values it reads or writes."""
    found = _STORE.match(path)
    return (found[1], path[found.end() :]) if found else ("", path)


def search(field: str, ids: list[int]) -> Query:
    """Search criteria for the entities with these ids, all on one page."""
    prefix = "searchCriteria[filter_groups][0][filters][0]"
    return [
        (f"{prefix}[field]", field),
        (f"{prefix}[condition_type]", "in"),
        (f"{prefix}[value]", ",".join(map(str, ids))),
        ("searchCriteria[pageSize]", str(max(1, len(ids)))),
    ]


def message_of(answer: Answer) -> str:
    """Magento's error text with its `%field` parameters put in."""
    return interpolate(answer.body)


def interpolate(document: Any) -> str:
    """The same from the body alone."""
    if not isinstance(document, dict):
        return str(document or "no text")
    body = document
    parameters = body.get("parameters") or {}
    if isinstance(parameters, list):
        parameters = {str(number): value for number, value in enumerate(parameters, 1)}
    text = str(body.get("message") or body.get("text") or "no text")
    return re.sub(r"%(\w+)", lambda match: str(parameters.get(match[1], match[0])), text)


def login_hint(section: MagentoSection, table: str, text: str) -> str:
    """As far as Magento tells: missing, garbage, expired and insufficient tokens get one and the same text."""
    known = next((hint for words, hint in OAUTH_HINTS.items() if words in text.lower()), None)
    if known is not None:
        return known.format(table=table)
    if section.admin_user is not None:
        return f"Check that the role of [{table}] admin_user may use this resource (System > Permissions > User Roles)."
    if section.token_file is None:
        return (
            "Check that the integration is active and may use this resource (System > Extensions > Integrations > API)."
        )
    return (
        f"Check [{table}] token_file, the integration's rights, and that the shop accepts its token as Bearer: "
        "bin/magento config:set oauth/consumer/enable_integration_as_bearer 1"
    )


OAUTH_HINTS = {
    "signature is invalid": "Check consumer_secret_file and access_token_secret_file in [{table}]; if they are right, the "
    "shop sees another address than base_url: the signature covers scheme, host and port.",
    "consumer having": "Check [{table}] consumer_key: the shop has no integration with it.",
    "token does not exist": "Check [{table}] access_token: it is new after each reauthorisation of the integration.",
    "oauth_timestamp": "Set this host's clock: the shop refuses requests that seem to come from another time.",
}
"""What Magento's OAuth says, as far as it tells refusals apart."""
