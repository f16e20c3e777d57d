"""A search over one table, from Magento's criteria to SQL.

The values are arguments, the field names are checked against the table's columns: an unknown one is an internal
error, as in Magento, where it breaks inside SQL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge_sandbox.shop.criteria import Criteria, Filter
from bridge_sandbox.shop.errors import internal_error
from bridge_sandbox.shop.session import Session

COMPARISONS = {
    "eq": "=",
    "neq": "!=",
    "gt": ">",
    "gteq": ">=",
    "moreq": ">=",
    "from": ">=",
    "lt": "<",
    "lteq": "<=",
    "to": "<=",
    "like": "LIKE",
    "nlike": "NOT LIKE",
}


@dataclass(frozen=True)
class Searchable:
    """A table that can be searched, its key, and how its documents are built from the keys found."""

    table: str
    key: str
    documents: Callable[[Session, Sequence[Any]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Condition:
    """A piece of SQL with its arguments."""

    sql: str
    arguments: tuple[Any, ...] = ()


def search(session: Session, what: Searchable, criteria: Criteria) -> dict[str, Any]:
    """The answer to a search: the page's documents, the criteria, the count of all that match."""
    where = where_clause(criteria, session.columns(what.table))
    total = session.select(f"SELECT COUNT(*) AS total FROM #{what.table} WHERE {where.sql}", where.arguments)[0][
        "total"
    ]
    found = session.select(
        f"SELECT {what.key} FROM #{what.table} WHERE {where.sql}"
        f" ORDER BY {order_clause(criteria, what, session.columns(what.table))}{limit_clause(criteria)}",
        where.arguments,
    )
    return {
        "items": what.documents(session, [row[what.key] for row in found]),
        "search_criteria": criteria.document(),
        "total_count": total,
    }


def where_clause(criteria: Criteria, columns: frozenset[str]) -> Condition:
    """AND of ORs; everything without a filter."""
    groups = [[condition(each, columns) for each in group] for group in criteria.groups if group]
    if not groups:
        return Condition("1 = 1")
    sql = " AND ".join("(" + " OR ".join(each.sql for each in group) + ")" for group in groups)
    arguments = tuple(value for group in groups for each in group for value in each.arguments)
    return Condition(sql, arguments)


def condition(filter_: Filter, columns: frozenset[str]) -> Condition:
    """One filter; a condition that Magento does not know compares for equality."""
    column = f"`{checked(filter_.field, columns)}`"
    match filter_.condition:
        case "null":
            return Condition(f"{column} IS NULL")
        case "notnull":
            return Condition(f"{column} IS NOT NULL")
        case "in" | "nin":
            word = "IN" if filter_.condition == "in" else "NOT IN"
            return Condition(f"{column} {word} %s", (tuple(filter_.value.split(",")),))
        case "finset":
            return Condition(f"FIND_IN_SET(%s, {column})", (filter_.value,))
        case other:
            return Condition(f"{column} {COMPARISONS.get(other, '=')} %s", (filter_.value,))


def order_clause(criteria: Criteria, what: Searchable, columns: frozenset[str]) -> str:
    """The sort orders asked for, ties by key."""
    asked = [
        f"`{checked(each.field, columns)}` {'DESC' if each.direction == 'DESC' else 'ASC'}"
        for each in criteria.sort_orders
    ]
    return ", ".join([*asked, what.key])


def limit_clause(criteria: Criteria) -> str:
    """The page; past the end it is empty."""
    if criteria.page_size <= 0:
        return ""
    return f" LIMIT {criteria.page_size} OFFSET {(criteria.current_page - 1) * criteria.page_size}"


def checked(field: str, columns: frozenset[str]) -> str:
    """A column that exists; table names before a dot are dropped."""
    name = field.rpartition(".")[2]
    if name not in columns:
        raise internal_error()
    return name
