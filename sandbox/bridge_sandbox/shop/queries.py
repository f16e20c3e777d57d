"""The named statements of `sql/queries.sql`, with the shop's table prefix put in.

In the files `#sales_order` is the table `sales_order` with its prefix; `#` would otherwise start a comment, so
it cannot be meant in another way. A statement's name stands above it as `-- name: place`.
"""

import re
from importlib import resources

TABLE = re.compile(r"#(\w+)")
NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


class Queries:
    """All statements for one table prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._named = {name: self.prefixed(sql) for name, sql in split_named(read_sql("queries.sql"))}

    def named(self, name: str) -> str:
        """The statement of that name; KeyError is a bug."""
        return self._named[name]

    def prefixed(self, sql: str) -> str:
        """The statement with the real table names."""
        return TABLE.sub(rf"`{self._prefix}\1`", sql)

    def table_name(self, table: str) -> str:
        """One table's real name."""
        return self._prefix + table

    def statements(self, sql: str) -> list[str]:
        """The statements of a script, comments dropped."""
        parts = re.split(r";\s*\n", COMMENT.sub("", sql))
        return [self.prefixed(part) for part in parts if part.strip()]


def read_sql(file_name: str) -> str:
    """A file of the `sql` folder beside this module."""
    return resources.files("bridge_sandbox.shop").joinpath("sql", file_name).read_text(encoding="utf-8")


def split_named(text: str) -> list[tuple[str, str]]:
    """(name, statement) pairs in file order."""
    parts = NAME.split(text)
    return [
        (name, COMMENT.sub("", sql).strip().removesuffix(";"))
        for name, sql in zip(parts[1::2], parts[2::2], strict=True)
    ]
