"""A 401 names the resource that the caller lacks: the same one as in Magento's own table of routes."""

import json
import re
from pathlib import Path
from typing import cast

from bridge_sandbox.shop.rest import Rest
from bridge_sandbox.shop.shop import Shop

ROUTES_FILE = "webapi_routes.json"


def test_every_route_needs_the_resource_that_magento_wants(recordings: Path) -> None:
    recorded = {
        (route["method"], re.sub(r":\w+", ":", route["url"])): route["acl"]
        for route in json.loads((recordings / ROUTES_FILE).read_text(encoding="utf-8"))
    }
    table = Rest(cast(Shop, None)).table()
    ours = {(method, "/V1/" + re.sub(r"\{\w+\}", ":", path)): [resource] for method, path, resource, _ in table}
    assert ours == {key: recorded.get(key) for key in ours}
