"""The store's schema, step by step: `sql/NNNN_what.sql` leads from version NNNN - 1 to NNNN."""

from importlib import resources

_STEPS = {
    int(entry.name[:4]): entry
    for entry in resources.files(__package__).joinpath("sql").iterdir()
    if entry.name[:4].isdecimal()
}
VERSION = max(_STEPS)


def statements(version: int) -> str:
    return _STEPS[version].read_text(encoding="utf-8")
