"""Named SQL: `sql/NAME.sql` of a package holds blocks that begin with `-- name: query_name`."""

import re
from functools import cache
from importlib import resources


@cache
def load(package: str, name: str) -> dict[str, str]:
    """{query name: SQL} of one file, comment lines dropped. Raises FileNotFoundError; a misspelt name is a KeyError."""
    text = resources.files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    blocks = re.split(r"^-- name: (\w+).*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(blocks[::2], map(_statement, blocks[1::2]), strict=True))


def _statement(block: str) -> str:
    """Without comment lines: pymysql would take a percent sign in one for a placeholder."""
    return re.sub(r"^\s*--.*\n?", "", block, flags=re.MULTILINE).strip()
