"""`searchCriteria` and `fields` of a query string, read as Magento reads them.

searchCriteria[filter_groups][0][filters][0][field]=status&... comes apart into nested dictionaries; camel case
is as good as snake case. Groups are joined by AND, the filters of a group by OR.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge_sandbox.shop.errors import required

PART = re.compile(r"\[([^\]]*)\]")
UPPER = re.compile(r"(?<=[a-z])([A-Z])")
Fields = dict[str, "Fields"]
"""What is asked for: a name to what is asked for within it, empty for all of it."""


@dataclass(frozen=True)
class Filter:
    field: str
    value: str
    condition: str = "eq"

    def document(self) -> dict[str, str]:
        """As echoed in the answer."""
        return {"field": self.field, "value": self.value, "condition_type": self.condition}


@dataclass(frozen=True)
class SortOrder:
    field: str
    direction: str

    def document(self) -> dict[str, str]:
        """As echoed in the answer."""
        return {"field": self.field, "direction": self.direction}


@dataclass(frozen=True)
class Criteria:
    """One search; `page_size` 0 means all."""

    groups: tuple[tuple[Filter, ...], ...] = ()
    sort_orders: tuple[SortOrder, ...] = ()
    page_size: int = 0
    current_page: int = 1
    echo_page: dict[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """`search_criteria` of the answer: only what was asked for."""
        echo: dict[str, Any] = {
            "filter_groups": [{"filters": [each.document() for each in group]} for group in self.groups]
        }
        if self.sort_orders:
            echo["sort_orders"] = [each.document() for each in self.sort_orders]
        return echo | self.echo_page


def read_criteria(query: Iterable[tuple[str, str]]) -> Criteria:
    """The criteria of a query string's pairs; raises the 400 that names the missing parameter."""
    tree = read_tree(query)
    if "search_criteria" not in tree:
        raise required("searchCriteria")
    criteria = tree["search_criteria"]
    if not isinstance(criteria, dict):
        return Criteria()
    pages = {name: as_int(criteria[name]) for name in ("page_size", "current_page") if criteria.get(name)}
    return Criteria(
        groups=tuple(
            tuple(read_filter(each) for each in values(group.get("filters")))
            for group in values(criteria.get("filter_groups"))
        ),
        sort_orders=tuple(
            SortOrder(str(each.get("field", "")), str(each.get("direction") or "ASC").upper())
            for each in values(criteria.get("sort_orders"))
        ),
        page_size=pages.get("page_size", 0),
        current_page=max(pages.get("current_page", 1), 1),
        echo_page=pages,
    )


def read_filter(parts: dict[str, Any]) -> Filter:
    """One filter; without a condition it compares for equality."""
    value = parts.get("value", "")
    if isinstance(value, dict):  # value[]=1&value[]=2
        value = ",".join(map(str, value.values()))
    return Filter(str(parts.get("field", "")), str(value), str(parts.get("condition_type") or "eq"))


def read_tree(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The pairs `a[b][0]=c` as nested dictionaries, names in snake case, `[]` counted up."""
    tree: dict[str, Any] = {}
    for key, value in query:
        head, _, _ = key.partition("[")
        path = [snake(head), *(snake(part) for part in PART.findall(key))]
        branch = tree
        for part in path[:-1]:
            child = branch.setdefault(part or str(len(branch)), {})
            if not isinstance(child, dict):
                child = branch[part] = {}
            branch = child
        branch[path[-1] or str(len(branch))] = value
    return tree


def read_fields(text: str) -> Fields:
    """`items[entity_id,status],total_count` as nested dictionaries."""
    root: Fields = {}
    stack = [root]
    for name, bracket in re.findall(r"(\w+)|([\[\]])", text):
        if name:
            stack[-1][name] = {}
            last = stack[-1][name]
        elif bracket == "[":
            stack.append(last)
        elif len(stack) > 1:
            stack.pop()
    return root


def project(document: Any, fields: Fields) -> Any:
    """Only the fields asked for; a list becomes null when nothing is in it, as in Magento."""
    if not fields:
        return document
    if isinstance(document, list):
        return [project(each, fields) for each in document] or None
    if not isinstance(document, dict):
        return document
    return {name: project(value, fields[name]) for name, value in document.items() if name in fields}


def values(branch: Any) -> list[dict[str, Any]]:
    """The numbered branches in order, whatever they are called."""
    if not isinstance(branch, dict):
        return []
    return [each for each in branch.values() if isinstance(each, dict)]


def snake(name: str) -> str:
    """filterGroups and filter_groups are the same."""
    return UPPER.sub(r"_\1", name).lower() if not name.isdigit() else name


def as_int(text: str) -> int:
    """PHP's cast: what is no number is 0."""
    try:
        return int(text)
    except ValueError:
        return 0
