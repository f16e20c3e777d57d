"""The store's schema, step by step: `sql/NNNN_what.sql` leads from the number before it to NNNN; a number may be missing."""

from importlib import resources

_STEPS = {
    int(entry.name[:4]): entry
    for entry in resources.files(__package__).joinpath("sql").iterdir()
    if entry.name[:4].isdecimal()
}
VERSION = max(_STEPS)


def steps_after(found: int) -> list[int]:
    """The numbers of the steps that a store of schema `found` has before it, in order."""
    return [number for number in sorted(_STEPS) if number > found]


def statements(version: int) -> str:
    return _STEPS[version].read_text(encoding="utf-8")
