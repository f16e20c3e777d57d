"""The rate limit: a token bucket over all clients, 429 with Retry-After when it is empty.

Answers tell what is left in a RateLimit header (IETF draft, `"default";r=remaining;t=seconds`).
"""

import math
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge_sandbox.bng.problems import RATE_LIMITED, Problem


class Bucket:
    """`rate` requests a second, and at most that many (at least one) at once after a pause."""

    def __init__(self, rate: float, token_path: str = "") -> None:
        self.rate = rate
        self._token_path = token_path
        self.size = max(1.0, rate)
        self._left = self.size
        self._filled_s = time.monotonic()

    def take(self, now_s: float) -> bool:
        """Whether there is one for this request."""
        self._left = min(self.size, self._left + (now_s - self._filled_s) * self.rate)
        self._filled_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def headers(self) -> dict[str, str]:
        """What is left, and in how many seconds there is one more."""
        wait_s = math.ceil(max(0.0, 1 - self._left) / self.rate)
        return {
            "RateLimit-Policy": f'"default";q={math.floor(self.size)};w={math.ceil(self.size / self.rate)}',
            "RateLimit": f'"default";r={math.floor(self._left)};t={wait_s}',
        }

    @web.middleware
    async def limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what comes too fast; the token route is free."""
        if request.path == self._token_path:
            return await handler(request)
        if not self.take(time.monotonic()):
            wait_s = max(1, math.ceil(1 / self.rate))
            headers = self.headers() | {"Retry-After": str(wait_s)}
            raise Problem(RATE_LIMITED, f"at most {self.rate:g} requests a second", headers=headers)
        try:
            response = await handler(request)
        except Problem as problem:
            problem.headers.update(self.headers())
            raise
        response.headers.update(self.headers())
        return response
