"""A flow in lines, one for each step, so that two of them can be compared."""

from collections.abc import Iterator

from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence

_INNER = ("steps", "choose", "catch", "reads")
"""What of a step stands in lines of its own."""


def outline_of(tree: Section) -> tuple[str, ...]:
    """Without comments, and however the file is written: `on …`, `let NAME: …`, then the steps, inner ones indented."""
    lines = [f"{key} {_flat(tree.entries[key])}" for key in ("on",) if key in tree.entries]
    let = tree.entries.get("let")
    if isinstance(let, Section):
        lines += [f"let {name}: {_flat(each)}" for name, each in let.entries.items()]
    return (*lines, *_lines(tree.entries["steps"], ""))


def _lines(node: Node, indent: str) -> Iterator[str]:
    for each in node.items if isinstance(node, Sequence) else ():
        entries = each.entries if isinstance(each, Section) else {}
        own = {key: value for key, value in entries.items() if key not in _INNER}
        yield f"{indent}- " + "  ".join(f"{key}: {_flat(value)}" for key, value in own.items())
        for key in _INNER:
            if key in entries:
                yield f"{indent}  {key}"
                yield from _lines(entries[key], f"{indent}  ")


def _flat(node: Node) -> str:
    if isinstance(node, Scalar):
        return " ".join(node.text.split())
    if isinstance(node, Sequence):
        return "[" + ", ".join(map(_flat, node.items)) + "]"
    return "{" + ", ".join(f"{key}: {_flat(value)}" for key, value in node.entries.items()) + "}"
