"""The rules of a mapping file, compiled into getters over a frame.

A rule is an expression, or a YAML mapping with these keys:

    expr        where the value comes from; a text in place of a whole rule is its expr
    lookup      the table that translates it; a value that is not in the table fails the event
    default     what is written where the value is null; without expr: always. A text as typed, the target gives its kind
    required    null fails the event
    omit_null   null leaves the field out
    when        a condition; where it is false the field is left out
    fields      the fields of an object; `with` and `as` name what they are read from, null making the object null
    each, as    a list: one entry for each row; `where` leaves rows out. `position` counts the entries, from 1

A YAML list is a list made of parts: each is a rule for one entry, or one with `each` for many.
"""

from dataclasses import dataclass, replace
from typing import Any

from bng_bridge.mapping import rule as made
from bng_bridge.mapping.convert import FLAGS, converter, typed
from bng_bridge.mapping.coverage import ABSENT, Coverage
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Findings, Wrong, did_you_mean
from bng_bridge.mapping.lookups import lookup, table_of, values_for
from bng_bridge.mapping.nodes import Expression
from bng_bridge.mapping.rule import NOTHING, Convert, Fill, Rule
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.shapes import ANY, TEXT, Shape, fits, list_of
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence

KEYS = ("expr", "lookup", "default", "required", "omit_null", "when", "fields", "with", "as", "each", "where")
MOST_RULES = 2000
MOST_LEVELS = 16


@dataclass
class Compiler:
    """Compiles the rules of one file and collects what is wrong in them."""

    findings: Findings
    is_partial: bool = False
    omit_null: bool = False
    coverage: Coverage | None = None
    _count: int = 0

    def rule(self, node: Node, shape: Shape, scope: Scope, field: str) -> Rule:
        """A rule for a value of that shape; NOTHING, and findings, where it is wrong."""
        self._count += 1
        try:
            if self._count > MOST_RULES or field.count(".") > MOST_LEVELS:
                raise Wrong(node.at, f"is too large: at most {MOST_RULES} rules and {MOST_LEVELS} levels")
            found = self._compiled(node, shape, scope, field)
        except Wrong as wrong:
            self.findings.take(wrong, field)
            return NOTHING
        if self.coverage is None or not isinstance(node, Scalar | Section):
            return found
        return replace(found, get=self.coverage.counted(found.get, node.at, field))

    def _compiled(self, node: Node, shape: Shape, scope: Scope, field: str) -> Rule:
        if isinstance(node, Scalar):
            node = Section(node.at, {"expr": node}, {"expr": node.at})
        if isinstance(node, Sequence):
            return self._list(node, node.items, shape, scope, field)
        for key in node.entries:
            if key not in KEYS:
                hint = (
                    did_you_mean(key, KEYS) or f"A rule has {', '.join(KEYS)}; fields of an object stand under fields."
                )
                raise Wrong(node.keys[key], f"{key} is no key of a rule.", hint)
        if "when" in node.entries:
            return self._conditional(node, shape, scope, field)
        if "each" in node.entries:
            return self._list(node, (node,), shape, scope, field)
        if "fields" in node.entries:
            return self._object(node, shape, scope, field)
        return self._leaf(node, shape, scope, field)

    def _conditional(self, node: Section, shape: Shape, scope: Scope, field: str) -> Rule:
        condition = expression_of(node.entries["when"], scope)
        inner = self._compiled(_without(node, "when"), shape, scope, field)
        holds, get = condition.get, inner.get
        return Rule(lambda frame: get(frame) if holds(frame) else ABSENT, inner.shape, condition.size + inner.size,
                    always=False)  # fmt: skip

    # ── one value ──

    def _leaf(self, node: Section, shape: Shape, scope: Scope, field: str) -> Rule:
        _refuse(node, ("with", "as", "where"), "belongs to fields or each")
        if "default" in node.entries:
            _refuse(node, ("required", "omit_null"), "is without effect beside default")
        default = _default(node, shape)
        if "expr" not in node.entries:
            _refuse(node, ("lookup",), "needs an expr: what to look up")
            if default is None:
                raise Wrong(node.at, "has neither expr nor default, nor fields or each")
            return Rule(lambda _: default, shape if shape.is_known else TEXT, 1)
        value, convert = self._value(node, shape, scope, field)
        if default is not None:
            return replace(value, get=made.or_default(value.get, convert, default))
        return self._nullable(node, value, convert)

    def _value(self, node: Section, shape: Shape, scope: Scope, field: str) -> tuple[Rule, Convert | None]:
        """The value before null is dealt with, and the conversion that is left to do."""
        value = expression_of(node.entries["expr"], scope)
        if "lookup" in node.entries:
            table = table_of(node.entries["lookup"], scope)
            values = values_for(table, shape, self.findings, field)
            get = lookup(table, value.get, self.coverage, values)
            return Rule(get, shape if shape.is_known else TEXT, value.size + 1), None
        if not shape.is_known:
            return Rule(value.get, value.shape, value.size + 1), None
        _check_fit(node.entries["expr"], value, shape)
        get = made.paid(value.get) if shape.has_fields or shape.kind == "list" else value.get
        return Rule(get, shape, value.size + 1), converter(shape)

    def _nullable(self, node: Section, value: Rule, convert: Convert | None) -> Rule:
        required = _flag(node, "required", default=False)
        omits = _flag(node, "omit_null", default=self.omit_null and not required)
        if required and omits:
            raise Wrong(node.keys["omit_null"], "required and omit_null exclude each other")
        get = made.nullable(value.get, convert, required=required, omits=omits)
        return replace(value, get=get, always=not omits)

    # ── an object ──

    def _object(self, node: Section, shape: Shape, scope: Scope, field: str) -> Rule:
        _refuse(node, ("expr", "lookup", "default", "where"), "does not go with fields")
        if shape.is_known and not shape.has_fields:
            raise Wrong(node.keys["fields"], f"the target wants {shape.words}, not an object with fields")
        if "with" not in node.entries:
            _refuse(node, ("as", "required", "omit_null"), "needs with, beside fields")
            return self.fields(node.entries["fields"], shape, scope, field)
        base = expression_of(node.entries["with"], scope)
        scope, slot = _named(node, scope, base.shape)
        inner = self.fields(node.entries["fields"], shape, scope, field)
        get = made.with_value(base.get, slot, inner.get)
        return self._nullable(node, replace(inner, get=get, size=inner.size + base.size), None)

    def fields(self, node: Node, shape: Shape, scope: Scope, field: str) -> Rule:
        """An object with these fields. What the target requires must be there, and never null."""
        if not isinstance(node, Section):
            raise Wrong(node.at, "FIELD: RULE lines are wanted")
        found = shape if shape.is_known else Shape("object", f"the object {field}")
        members: list[made.Member] = []
        size = 1
        for name, entry in node.entries.items():
            inner = self._field(node, name, entry, shape, scope, f"{field}.{name}")
            if not shape.is_known:
                found.fields[name] = inner.shape
            members.append((name, inner.get, node.keys[name]))
            size += inner.size
        missing = sorted(shape.required - set(node.entries)) if shape.is_known and not self.is_partial else []
        if missing:
            message = f"{shape.name} requires {', '.join(missing)}, which no rule gives."
            self.findings.add(node.at, field, message, "For changes of what exists, say partial: true at the head.")
        build = made.object_of(members)
        return Rule(made.attributes_of(build) if shape.kind == "attributes" else build, found, size)

    def _field(self, node: Section, name: str, entry: Node, shape: Shape, scope: Scope, place: str) -> Rule:
        if not shape.is_known:
            return self.rule(entry, ANY, scope, place)
        if name not in shape.fields:
            hint = did_you_mean(name, shape.fields)
            self.findings.add(node.keys[name], place, f"{shape.name} has no field {name}.", hint)
            return NOTHING
        if name not in shape.required or self.is_partial:
            return self.rule(entry, shape.fields[name], scope, place)
        inner = self.rule(_required(entry), shape.fields[name], scope, place)
        if not inner.always:
            self.findings.add(node.keys[name], place, f"{shape.name} requires it, and this rule may leave it out")
        return inner

    # ── a list ──

    def _list(self, node: Node, parts: tuple[Node, ...], shape: Shape, scope: Scope, field: str) -> Rule:
        if shape.is_known and shape.kind != "list":
            raise Wrong(node.at, f"the target wants {shape.words}, not a list")
        scope, position = scope.with_position()
        item, size = shape.item or ANY, 1
        fills: list[Fill] = []
        for part in parts:
            fill, entry = self._part(part, item, scope, position, f"{field}[]")
            fills.append(fill)
            size += entry.size
            item = item if item.is_known else entry.shape
        return Rule(made.list_from(fills), shape if shape.is_known else list_of(item), size)

    def _part(self, node: Node, item: Shape, scope: Scope, position: int, field: str) -> tuple[Fill, Rule]:
        if not (isinstance(node, Section) and "each" in node.entries):
            entry = self.rule(node, item, scope, field)
            return made.one(entry.get, position), entry
        rows = expression_of(node.entries["each"], scope)
        if rows.shape.is_known and rows.shape.kind != "list":
            raise Wrong(node.entries["each"].at, f"each wants a list, this is {rows.shape.words}")
        inner, slot = _named(node, scope, rows.shape.item or ANY)
        where = expression_of(node.entries["where"], inner) if "where" in node.entries else None
        entry = self.rule(_without(node, "each", "as", "where", "when"), item, inner, field)
        cost = entry.size + (where.size if where else 0)
        fill = made.many(rows.get, slot, where.get if where else None, made.one(entry.get, position), cost)
        if "when" in node.entries:
            fill = made.only_when(expression_of(node.entries["when"], scope).get, fill)
        return fill, replace(entry, size=rows.size + cost)


def _check_fit(node: Node, value: Expression, shape: Shape) -> None:
    if not fits(value.shape, shape):
        hint = "Map its fields one by one, under fields." if shape.has_fields else ""
        raise Wrong(node.at, f"the target wants {shape.words}, this is {value.shape.words}.", hint)
    constant = value.get([0]) if value.is_constant else None
    if constant is not None:
        try:
            converter(shape)(constant)
        except Fault as fault:
            raise Wrong(node.at, fault.message, fault.hint) from fault


def _default(node: Section, shape: Shape) -> Any:
    found = node.entries.get("default")
    if found is None:
        return None
    if not isinstance(found, Scalar):
        raise Wrong(found.at, "default is one text")
    try:
        return typed(found.text, shape if shape.is_known else TEXT)
    except Fault as fault:
        raise Wrong(found.at, f"default: {fault.message}", fault.hint) from fault


def _flag(node: Section, key: str, *, default: bool) -> bool:
    found = node.entries.get(key)
    if found is None:
        return default
    if not isinstance(found, Scalar) or found.text.lower() not in FLAGS:
        raise Wrong(found.at, f"{key} is true or false")
    return FLAGS[found.text.lower()]


def _named(node: Section, scope: Scope, shape: Shape) -> tuple[Scope, int]:
    """The scope with what `as` says, and its slot."""
    found = node.entries.get("as")
    if not isinstance(found, Scalar):
        raise Wrong(
            node.at if found is None else found.at, "as is missing: what each row, or the value, is to be called"
        )
    return scope.with_name(found.text, shape, found.at)


def _required(node: Node) -> Node:
    """A rule for a field that the target requires: null fails, unless the rule says otherwise itself."""
    if isinstance(node, Scalar):
        node = Section(node.at, {"expr": node}, {"expr": node.at})
    if not isinstance(node, Section) or node.entries.keys() & {"default", "omit_null", "required", "each"}:
        return node
    if "fields" in node.entries and "with" not in node.entries:
        return node
    return Section(node.at, {**node.entries, "required": Scalar(node.at, "true", "true", node.at)}, node.keys)


def _without(node: Section, *keys: str) -> Section:
    return Section(node.at, {key: value for key, value in node.entries.items() if key not in keys}, node.keys)


def _refuse(node: Section, keys: tuple[str, ...], why: str) -> None:
    for key in keys:
        if key in node.entries:
            raise Wrong(node.keys[key], f"{key} {why}")
