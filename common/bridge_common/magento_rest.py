"""A shop's REST API over HTTP: address, login, error form. Used by the agent, and by the bridge for a hosted shop."""

import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bridge_common.config import read_secret
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    OutcomeUnknown,
    RateLimited,
    RejectedByTarget,
    TargetUnavailable,
)
from bridge_common.http import Answer, exchange
from bridge_common.magento_auth import AdminLogin, Auth, Bearer, OAuth1
from bridge_common.magento_config import MagentoSection

Query = list[tuple[str, str]]


class BadAnswer(TargetUnavailable):
    """A read that reached the shop and got no usable answer: the fault may be the shop's, or this one request's."""


class MagentoRest:
    """One shop. Open it as a context manager; its secrets are read when it is made (ConfigError)."""

    def __init__(self, section: MagentoSection) -> None:
        self._section = section
        self._base = f"{section.base_url}/rest" + (f"/{section.store_code}" if section.store_code else "")
        self._auth = _auth(section, self._log_in)

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

    async def read(self, path: str, query: Query | None = None) -> Any:
        """The parsed body of a GET.

        Raises AccessDenied (401, 403), RateLimited (429), TargetUnavailable (unreachable, 503), BadAnswer (no answer in
        time, 502, 504, not JSON), RejectedByTarget (any other status).
        """
        try:
            answer = await self.send("GET", path, query, timeout_s=self._section.timeout_s)
        except OutcomeUnknown as error:
            raise BadAnswer(error.message) from error
        if answer.status != 200:
            raise self._read_error(path, answer)
        if isinstance(answer.body, dict) and set(answer.body) == {"text"}:
            raise BadAnswer(f"GET {path} answered with something that is not JSON", hint="Check [magento] base_url.")
        return answer.body

    async def send(
        self, method: str, path: str, query: Query | None = None, body: Any = None, *, timeout_s: float
    ) -> Answer:
        """One request; every status is an answer. `path` begins with /V1/ and is percent-encoded.

        A login that ended is renewed once: a 401 is said before anything is executed.
        Raises TargetUnavailable when it surely did not reach the shop, OutcomeUnknown when it may have, AccessDenied when
        the admin login itself is refused.
        """
        url = self._url(path, query)
        session = self._reads if method == "GET" else self._writes
        for last in (False, True):
            headers = await self._auth.headers(method, str(url))
            answer = await exchange(session, method, url, timeout_s=timeout_s, headers=headers, body=body)
            if answer.status != 401 or last or not self._auth.refused():
                break
        return answer

    async def _log_in(self) -> str:
        section = self._section
        assert section.admin_user and section.admin_password_file  # noqa: PT018 # held by the configuration's own check
        password = read_secret(section.admin_password_file, key="magento.admin_password_file")
        url = self._url("/V1/integration/admin/token", None)
        body = {"username": section.admin_user, "password": password}
        try:
            answer = await exchange(self._reads, "POST", url, timeout_s=section.timeout_s, body=body)
        except OutcomeUnknown as error:
            raise TargetUnavailable(error.message) from error
        if answer.status == 200:
            return str(answer.body)
        if answer.status in (401, 403):
            raise AccessDenied(
                f"{section.base_url} refuses the admin user {section.admin_user!r}: {message_of(answer)}",
                hint="Check admin_user and admin_password_file; after some failures Magento locks an account for a while.",
            )
        raise TargetUnavailable(f"the admin login answered {answer.status}", retry_after_s=answer.retry_after_s)

    def _url(self, path: str, query: Query | None) -> URL:
        text = f"{self._base}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        return URL(text, encoded=True)

    def _session(self, *, force_close: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self._section.verify_tls, force_close=force_close)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    def _read_error(self, path: str, answer: Answer) -> BridgeError:
        text = f"GET {path} answered {answer.status}: {message_of(answer)[:200]}"
        if answer.status in (401, 403):
            return AccessDenied(text, hint=_login_hint(self._section, answer))
        if answer.status == 429:
            return RateLimited(text, retry_after_s=answer.retry_after_s)
        if answer.status == 503:
            return TargetUnavailable(text, retry_after_s=answer.retry_after_s)
        if answer.status in (502, 504):
            return BadAnswer(text, retry_after_s=answer.retry_after_s)
        hint = "Check [magento] base_url." if answer.status in (301, 302, 307, 308, 404) else ""
        return RejectedByTarget(text, hint=hint, status=answer.status)


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


def _auth(section: MagentoSection, log_in: Callable[[], Awaitable[str]]) -> Auth:
    if section.token_file is not None:
        return Bearer(read_secret(section.token_file, key="magento.token_file"))
    if section.admin_user is not None:
        return AdminLogin(log_in)
    assert section.consumer_secret_file and section.access_token_secret_file  # noqa: PT018 # held by the configuration
    return OAuth1(
        str(section.consumer_key),
        read_secret(section.consumer_secret_file, key="magento.consumer_secret_file"),
        str(section.access_token),
        read_secret(section.access_token_secret_file, key="magento.access_token_secret_file"),
    )


def _login_hint(section: MagentoSection, answer: Answer) -> str:
    """As far as Magento lets one tell: missing, garbage, expired and insufficient credentials get the same text."""
    text = message_of(answer).lower()
    if "signature" in text:
        return (
            "The OAuth keys do not belong together, or the shop sees another address than base_url: "
            "the signature covers the host."
        )
    if section.token_file is None:
        return "Check that the integration is active and may use this resource (System > Integrations > API)."
    return (
        "Check [magento] token_file, the integration's rights, and that the shop accepts its token as Bearer: "
        "bin/magento config:set oauth/consumer/enable_integration_as_bearer 1"
    )
