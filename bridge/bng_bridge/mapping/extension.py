"""A file that extends another: what a shop does differently, beside the template as it was shipped.

Tables, named values, context and fields are added, or stand in place of the template's of the same name; `refuse` is added.
Everything else is as the extending file says, or else as in the template.
"""

from pathlib import Path

from bng_bridge.mapping import templates
from bng_bridge.mapping.findings import Finding, MappingFileError, Position
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence, parse, read_text

MOST_LEVELS = 4


def extended(tree: Section, path: Path, level: int = 1) -> tuple[Section, list[str]]:
    """The tree of the file `path` with what it extends, and the texts of those files. Raises MappingFileError."""
    name = tree.entries.get("extends")
    if name is None:
        return tree, []
    at = name.at
    if not isinstance(name, Scalar) or Path(name.text).name != name.text:
        raise _wrong(at, "the name of a file beside this one is wanted")
    if level >= MOST_LEVELS:
        raise _wrong(at, f"more than {MOST_LEVELS} files extend each other, or one itself")
    found = templates.named(name.text, path)
    text = read_text(found)
    base, texts = extended(parse(text, str(found)), found, level + 1)
    entries, keys = dict(base.entries), dict(base.keys) | dict(tree.keys)
    for key, value in tree.entries.items():
        entries[key] = _merged(entries[key], value) if key in entries else value
    del entries["extends"]
    return Section(tree.at, entries, keys), [text, *texts]


def _merged(base: Node, own: Node) -> Node:
    if isinstance(base, Section) and isinstance(own, Section):
        return Section(own.at, {**base.entries, **own.entries}, {**base.keys, **own.keys})
    if isinstance(base, Sequence) and isinstance(own, Sequence):
        return Sequence(own.at, (*base.items, *own.items))
    return own


def _wrong(at: Position, message: str) -> MappingFileError:
    return MappingFileError([Finding(at, "extends", message)])
