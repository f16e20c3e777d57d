"""The head of a mapping file: which documents it is between, and what the flow gives beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bng_bridge.mapping.convert import FLAGS
from bng_bridge.mapping.findings import Findings, Position, Wrong, did_you_mean
from bng_bridge.mapping.schemas import Schemas, with_attributes
from bng_bridge.mapping.shapes import OBJECT, ROWS, SCALARS, Shape, list_of
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence

KEYS = (
    "source", "target", "context", "attributes", "partial", "omit_null", "owners", "tables", "let", "refuse", "fields",
    "round_trip",
)  # fmt: skip
_NEEDED = ("source", "target", "fields")
OWNERS = ("magento", "bng")
_KINDS: dict[str, Shape] = {**SCALARS, "object": OBJECT, "list": ROWS}


@dataclass(frozen=True)
class RoundTrip:
    """There and back: these fields of the source come back as they were from the mapping in `file`."""

    file: str
    fields: tuple[str, ...]
    at: Position


@dataclass(frozen=True)
class Head:
    """`root` is what the source document is called in expressions: `order` for magento/order. `owners` says of fields of the
    target whose value counts where both sides changed them; the source's without a word.
    """

    root: str
    source_name: str
    target_name: str
    source: Shape
    target: Shape
    context: Mapping[str, tuple[Shape, Position]]
    is_partial: bool
    omit_null: bool
    round_trip: RoundTrip | None
    owners: Mapping[str, str] = field(default_factory=dict)


def read_head(tree: Section, schemas: Schemas, findings: Findings) -> Head | None:
    """None, and findings, when nothing behind it can be checked."""
    for key in tree.entries:
        if key not in KEYS:
            hint = did_you_mean(key, KEYS) or f"There are {', '.join(KEYS)}."
            findings.add(tree.keys[key], key, f"{key} is no part of a mapping file.", hint)
    missing = [key for key in _NEEDED if key not in tree.entries]
    if missing:
        findings.add(tree.at, "", f"{', '.join(missing)} is missing at the top")
        return None
    try:
        source, target = (
            _schema(tree.entries[key], schemas, is_target=key == "target") for key in ("source", "target")
        )
        own = _shapes(tree.entries.get("attributes"), schemas)
        attributes = {name: shape for name, (shape, _) in own.items()}
        return Head(
            root=source[0].rpartition("/")[2],
            source_name=source[0],
            target_name=target[0],
            source=with_attributes(source[1], attributes),
            target=with_attributes(target[1], attributes),
            context=_shapes(tree.entries.get("context"), schemas),
            is_partial=_flag(tree.entries.get("partial")),
            omit_null=_flag(tree.entries.get("omit_null")),
            round_trip=_round_trip(tree.entries.get("round_trip")),
            owners=_owners(tree.entries.get("owners"), target, tree.entries["fields"]),
        )
    except Wrong as wrong:
        findings.take(wrong, "head")
        return None


def _schema(node: Node, schemas: Schemas, *, is_target: bool) -> tuple[str, Shape]:
    name = _text(node)
    return name, schemas.find(name, node.at, is_target=is_target)


def _shapes(node: Node | None, schemas: Schemas) -> dict[str, tuple[Shape, Position]]:
    """NAME: KIND lines, a kind being text, number … or a document such as magento/order; with [] a list of it."""
    if node is None:
        return {}
    if not isinstance(node, Section):
        raise Wrong(node.at, "NAME: KIND lines are wanted")
    return {name: (_shape(value, schemas), node.keys[name]) for name, value in node.entries.items()}


def _shape(node: Node, schemas: Schemas) -> Shape:
    kind = _text(node)
    if kind.endswith("[]"):
        return list_of(_one(kind.removesuffix("[]"), node.at, schemas))
    return _one(kind, node.at, schemas)


def _one(kind: str, at: Position, schemas: Schemas) -> Shape:
    if "/" in kind:
        return schemas.find(kind, at, is_target=False)
    if kind not in _KINDS:
        raise Wrong(at, f"{kind} is no kind.", did_you_mean(kind, _KINDS) or f"There are {', '.join(_KINDS)}.")
    return _KINDS[kind]


def _flag(node: Node | None) -> bool:
    if node is None:
        return False
    text = _text(node).lower()
    if text not in FLAGS:
        raise Wrong(node.at, "true or false is wanted")
    return FLAGS[text]


def _owners(node: Node | None, target: tuple[str, Shape], given: Node) -> dict[str, str]:
    """FIELD: SIDE lines. Both sides are compared in BNG's words, so a mapping to BNG says it, of fields that it gives."""
    if node is None:
        return {}
    if not target[0].startswith("bng/"):
        raise Wrong(node.at, "owners are said in the mapping to BNG: by its fields both sides are compared")
    fields = given.entries if isinstance(given, Section) else {}
    if not isinstance(node, Section):
        raise Wrong(node.at, "FIELD: magento or FIELD: bng lines are wanted")
    for name, each in node.entries.items():
        if name not in fields:
            hint = did_you_mean(name, fields) or "What the mapping does not give is BNG's own."
            raise Wrong(node.keys[name], f"{name} is no field of this mapping.", hint)
        if _text(each) not in OWNERS:
            raise Wrong(each.at, "an owner is magento or bng")
    return {name: _text(each) for name, each in node.entries.items()}


def _round_trip(node: Node | None) -> RoundTrip | None:
    if node is None:
        return None
    if not isinstance(node, Section) or set(node.entries) != {"back", "fields"}:
        raise Wrong(node.at, "back: FILE and fields: [PATH, …] are wanted")
    fields = node.entries["fields"]
    if not isinstance(fields, Sequence):
        raise Wrong(fields.at, "a list of fields is wanted")
    file = _text(node.entries["back"])
    if Path(file).name != file:
        raise Wrong(node.entries["back"].at, "the name of a file beside this one is wanted")
    return RoundTrip(file, tuple(_text(each) for each in fields.items), node.at)


def _text(node: Node) -> str:
    if not isinstance(node, Scalar):
        raise Wrong(node.at, "one text is wanted")
    return node.text
