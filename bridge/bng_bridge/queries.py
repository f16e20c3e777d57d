"""Named SQL: `sql/NAME.sql` holds blocks that begin with `-- name: query_name`."""

import re
from functools import cache
from importlib import resources


@cache
def load(name: str) -> dict[str, str]:
    """{query name: SQL} of one file. Raises KeyError at use when a query is misspelt, FileNotFoundError here."""
    text = resources.files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    blocks = re.split(r"^-- name: (\w+).*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(blocks[::2], (block.strip() for block in blocks[1::2]), strict=True))


def schema(version: int) -> str:
    """The statements that lead from `version - 1` to `version`."""
    folder = resources.files(__package__).joinpath("sql")
    names = [entry.name for entry in folder.iterdir() if entry.name.startswith(f"{version:04d}_")]
    return folder.joinpath(names[0]).read_text(encoding="utf-8")
