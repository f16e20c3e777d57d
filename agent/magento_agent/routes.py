"""Which REST calls the bridge may run through this agent: pairs of method and path pattern."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from bridge_common.magento_rest import split_store
from magento_agent.config import Route

_RAW_PATH = re.compile(r"/V1/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_STEPS = {".", ".."}


class Routes:
    """`allows` judges the path as it would be sent, percent-encoded; a route is one for every store view."""

    def __init__(self, allowed: Iterable[Route]) -> None:
        self._allowed = [(method, pattern.split("/")) for method, pattern in allowed]

    def allows(self, method: str, path: str) -> bool:
        _, path = split_store(path)
        if not _RAW_PATH.fullmatch(path) or _BROKEN_ESCAPE.search(path):
            return False
        segments = [unquote(segment) for segment in path.split("/")]
        if not all(map(_is_safe, segments[1:])):
            return False
        return any(method == allowed and _matches(segments, pattern) for allowed, pattern in self._allowed)


def _is_safe(segment: str) -> bool:
    """A SKU may hold a slash or a percent sign, encoded; but a proxy may decode once more and normalise the path, so no
    part of it may ever come out as a step upwards."""
    return bool(segment) and all(
        text.isprintable() and not _STEPS & set(re.split(r"[/\\]", text)) for text in (segment, unquote(segment))
    )


def _matches(segments: list[str], pattern: list[str]) -> bool:
    return len(segments) == len(pattern) and all(
        wanted.startswith(":") or wanted == segment for segment, wanted in zip(segments, pattern, strict=True)
    )
