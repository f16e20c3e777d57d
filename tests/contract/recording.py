"""The recorded exchanges of a real Magento, read where they lie; nothing of them is kept here."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "recordings.jsonl"
NUMBER = re.compile(r"/\d+(?=/|$)")
CART = re.compile(r"/guest-carts/\w{32}")
SKU = re.compile(r"(?<=V1/products/)[^/]+|(?<=V1/stockItems/)[^/]+|(?<=salable-quantity/)[^/]+")
UUID = re.compile(r"/[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `inserted` has the ids of the rows that it made, by table."""

    number: int
    name: str
    at: datetime
    auth: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    status: int
    content_type: str
    answer: Any
    inserted: Mapping[str, list[int]]

    @property
    def route(self) -> str:
        """The method and the path with its ids taken out."""
        path = self.path.removeprefix("/rest")
        for pattern, name in ((SKU, ":sku"), (UUID, "/:uuid"), (CART, "/guest-carts/:cart"), (NUMBER, "/:id")):
            path = pattern.sub(name, path)
        return f"{self.method} {path}"

    def __str__(self) -> str:
        return f"{self.number} {self.name!r} {self.route}"


def read_exchanges(folder: Path) -> list[Exchange]:
    """All of them in the order of the recording."""
    lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    return [read_exchange(number, json.loads(line)) for number, line in enumerate(lines, start=1)]


def read_exchange(number: int, record: Mapping[str, Any]) -> Exchange:
    path, _, query = record["path"].partition("?")
    return Exchange(
        number=number,
        name=record["name"],
        at=datetime.fromisoformat(record["ts"]),
        auth=record["auth"],
        method=record["method"],
        path=path,
        query=query,
        headers=record["request_headers"],
        body=record["request_body"],
        status=record["status"],
        content_type=record["response_headers"].get("Content-Type", ""),
        answer=record["response_body"],
        inserted=inserted_rows(record.get("db_transactions") or []),
    )


def inserted_rows(transactions: list[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Ids by table, from texts such as `INSERT sales_order_item#17`."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row in (row for transaction in transactions for row in transaction["rows"]):
        if match := re.match(r"INSERT (\w+)#(\d+)", row):
            found[match[1]].append(int(match[2]))
    return dict(found)
