"""A profile from its YAML file; a mistake is reported with file, line, column, and what was meant perhaps."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bng_bridge.bng.fields import FILTERS, RESOURCES, WEBHOOKS, inner
from bng_bridge.bng.profile import PROBLEMS, FieldRule, Profile
from bng_bridge.mapping import yaml_tree
from bng_bridge.mapping.findings import Finding, MappingFileError, Position, did_you_mean
from bng_bridge.mapping.shapes import Shape
from bng_bridge.mapping.yaml_tree import Node, Section, Sequence
from bridge_common.config import model_at
from bridge_common.errors import ConfigError
from bridge_common.shipped import folder

Place = tuple[str, ...]


def load(name: str) -> Profile:
    """The profile of this name, or in this file. Raises ConfigError naming every mistake, one per line."""
    return parse(*_text_of(path_of(name)))


def path_of(name: str) -> Path:
    """A name with a slash, or that ends in .yaml, is a path; any other is a shipped profile. Raises ConfigError."""
    if "/" in name or name.endswith(".yaml"):
        return Path(name)
    known = shipped()
    if name not in known:
        raise ConfigError(
            f"there is no profile {name!r}; shipped are {', '.join(known)}.",
            hint=did_you_mean(name, known) or "For a file of your own give its path.",
        )
    return known[name]


def shipped() -> dict[str, Path]:
    found = folder("profiles").glob("*.yaml")
    return {path.stem: path for path in sorted(found, key=lambda path: path.stem)}


@lru_cache(maxsize=16)
def parse(text: str, name: str) -> Profile:
    """The same from a text; `name` stands for the file."""
    tree = yaml_tree.parse(text, name)
    try:
        profile = Profile.model_validate(_plain(tree))
    except ValidationError as error:
        raise MappingFileError(_finding(tree, detail) for detail in error.errors()) from error
    unknown = [
        Finding(
            _position(tree, where), ".".join(where[:-1]), f"there is no {where[-1]} here.", _meant(where[-1], known)
        )
        for where, known in _unknown_names(profile)
    ]
    if unknown:
        raise MappingFileError(unknown)
    return profile


def _text_of(path: Path) -> tuple[str, str]:
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path}: the profile cannot be read: {reason}.", hint="Check [bng] profile.") from error


def _plain(node: Node) -> Any:
    """Every scalar stays the text that was typed; the model says what it becomes."""
    if isinstance(node, Section):
        return {key: _plain(value) for key, value in node.entries.items()}
    return [_plain(each) for each in node.items] if isinstance(node, Sequence) else node.text


def _finding(tree: Section, detail: ErrorDetails) -> Finding:
    where = tuple(str(part) for part in detail["loc"])
    at, field = _position(tree, where), ".".join(where)
    if detail["type"] == "extra_forbidden":
        model = model_at(Profile, list(where[:-1]))
        return Finding(at, field, "unknown key.", _meant(where[-1], sorted(model.model_fields) if model else []))
    if detail["type"] == "missing":
        return Finding(at, field, "missing; it is required.")
    message = detail["msg"].removeprefix("Value error, ")
    return Finding(
        at, field, message if isinstance(detail["input"], dict) else f"{message} (found {detail['input']!r})"
    )


def _position(tree: Section, where: Place) -> Position:
    """Of the key, or else of the nearest thing around it that is there."""
    node: Node = tree
    at = tree.at
    for part in where:
        if isinstance(node, Section) and part in node.entries:
            at = node.keys[part]
            node = node.entries[part]
        elif isinstance(node, Sequence) and part.isdecimal() and int(part) < len(node.items):
            node = node.items[int(part)]
            at = node.at
        else:
            break
    return at


def _meant(word: str, known: "list[str] | tuple[str, ...]") -> str:
    return " ".join(filter(None, (did_you_mean(word, known), f"Allowed: {', '.join(known)}." if known else "")))


def _unknown_names(profile: Profile) -> Iterator[tuple[Place, list[str]]]:
    """Names of BNG's that BNG does not have: where they stand, and what there is."""
    tables: tuple[tuple[Place, Mapping[str, Any], Any], ...] = (
        (("list", "filters", "parameters"), profile.list.filters.parameters, FILTERS),
        (("errors", "problems"), profile.errors.problems, PROBLEMS),
        (("webhooks", "kinds"), profile.webhooks.kinds, WEBHOOKS),
        (("resources",), profile.resources, RESOURCES),
    )
    for where, found, known in tables:
        yield from (((*where, name), list(known)) for name in found if name not in known)
    for name, resource in profile.resources.items():
        shape = RESOURCES.get(name)
        if shape is not None:
            yield from _unknown_fields(("resources", name, "fields"), resource.fields, shape)
            unknown = (each for each in resource.omit if each not in shape.fields)
            yield from (((("resources", name, "omit", each)), list(shape.fields)) for each in unknown)


def _unknown_fields(where: Place, rules: Mapping[str, FieldRule], shape: Shape) -> Iterator[tuple[Place, list[str]]]:
    for name, rule in rules.items():
        field = shape.fields.get(name)
        if field is None:
            yield (*where, name), list(shape.fields)
            continue
        part = inner(field) or Shape("object")
        yield from _unknown_fields((*where, name, "fields"), rule.fields, part)
