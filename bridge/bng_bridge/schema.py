"""The store's schema, step by step: `sql/NNNN_what.sql` leads from version NNNN - 1 to NNNN."""

from importlib import resources

VERSION = 1


def statements(version: int) -> str:
    folder = resources.files(__package__).joinpath("sql")
    names = [entry.name for entry in folder.iterdir() if entry.name.startswith(f"{version:04d}_")]
    return folder.joinpath(names[0]).read_text(encoding="utf-8")
