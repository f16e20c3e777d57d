"""Subscriptions that a client makes itself, for profiles that have them: with a handshake, and dead after a while.

The client names a URL, a word that it wants to hear again, and a resource. Before it is accepted the URL has to repeat a
token. One that is not renewed in time dies; what happens after it is not announced.
"""

import secrets
import time
from typing import Any

import aiohttp
from aiohttp import web

from bridge_sandbox.bng import webhooks
from bridge_sandbox.bng.api import read_json
from bridge_sandbox.bng.auth import ACTOR
from bridge_sandbox.bng.edge import Edge, json_response
from bridge_sandbox.bng.problems import NOT_FOUND, Problem, invalid
from bridge_sandbox.bng.questions import set_at
from bridge_sandbox.bng.store import Store, Work

TIMEOUT_S = 5.0
Json = dict[str, Any]


class Subscriptions:
    """The routes under the path that the profile names."""

    def __init__(self, store: Store, edge: Edge) -> None:
        self._store = store
        self._edge = edge
        self._how: Json = edge.profile["webhooks"].get("subscription", {})

    def routes(self) -> list[web.RouteDef]:
        """None for a profile without them."""
        if not self._how:
            return []
        base = f"{self._edge.profile['base_path']}/{self._how['path']}"
        record = self._edge.profile["paths"]["record"].replace("{path}", base)
        return [web.get(base, self._list), web.post(base, self._make), web.patch(record, self._renew)]

    async def _list(self, request: web.Request) -> web.Response:
        with self._store.work(request[ACTOR]) as work:
            rows = [self._shown(*row) for row in alive(work)]
        body: Json = {}
        set_at(body, self._edge.profile["list"]["records"], rows)
        return json_response(200, body)

    async def _make(self, request: web.Request) -> web.Response:
        asked = read_json(await request.read())
        url, key, resource = (str(asked.get(self._how[name])) for name in ("url", "key", "resource"))
        if resource not in self._how["resources"]:
            raise invalid([(f"/{self._how['resource']}", f"{resource} cannot be subscribed")])
        await self._shake_hands(url)
        with self._store.work(request[ACTOR]) as work:
            number = self._keep(work, url, key, resource)
        return json_response(201, self._shown(number, url, resource))

    async def _renew(self, request: web.Request) -> web.Response:
        with self._store.work(request[ACTOR]) as work:
            found = [row for row in alive(work) if str(row[0]) == request.match_info["id"]]
            if not found:
                raise Problem(NOT_FOUND, f"no subscription {request.match_info['id']}")
        await self._shake_hands(found[0][1])
        with self._store.work(request[ACTOR]) as work:
            work.db.execute("UPDATE hearings SET until_s = ? WHERE n = ?", (self._until(), found[0][0]))
        return json_response(200, self._shown(*found[0]))

    def _keep(self, work: Work, url: str, key: str, resource: str) -> int:
        webhooks.subscribe(work, url, key, None, is_standard=False)
        kinds = [kind for kind, theirs in self._edge.profile["webhooks"]["kinds"].items() if resource in theirs]
        (number,) = work.db.execute(
            "INSERT INTO hearings (url, resource, kind, until_s) VALUES (?, ?, ?, ?) RETURNING n",
            (url, resource, kinds[0], self._until()),
        ).fetchone()
        return int(number)

    async def _shake_hands(self, url: str) -> None:
        """Raise Problem unless whoever is there repeats the token."""
        token = secrets.token_urlsafe(16)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, params={self._edge.profile["webhooks"]["handshake"]: token}) as answer,
            ):
                repeated = answer.status == 200 and await answer.text() == token
        except (aiohttp.ClientError, TimeoutError):
            repeated = False
        if not repeated:
            raise invalid([(f"/{self._how['url']}", "does not repeat the token")])

    def _shown(self, number: int, url: str, resource: str) -> Json:
        return {self._how["id"]: str(number), self._how["url"]: url, self._how["resource"]: resource}

    def _until(self) -> float:
        return time.time() + float(self._how["life_s"])


def alive(work: Work) -> list[tuple[int, str, str]]:
    """Number, URL and resource."""
    return work.db.execute("SELECT n, url, resource FROM hearings WHERE until_s > ?", (time.time(),)).fetchall()
