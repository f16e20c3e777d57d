"""The steps that speak to somebody, `call` and the writes, compiled and held to their catalogues."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bng_bridge.flow_files import words
from bng_bridge.flow_files.attempts import Call, Write
from bng_bridge.flow_files.operations import OPERATIONS, WORD, shape_of
from bng_bridge.flow_files.records import CANCEL, CREATE, ENTITIES, RECORDS, RESULT, UPDATE, RecordKind
from bng_bridge.flow_files.steps import Step
from bng_bridge.flow_files.uses import MappingUse
from bng_bridge.mapping.budget import Getter
from bng_bridge.mapping.coverage import Mark
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.findings import Position, Wrong
from bng_bridge.mapping.rules import Compiler as RuleCompiler
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.shapes import ANY, Shape
from bng_bridge.mapping.yaml_tree import Scalar, Section

if TYPE_CHECKING:
    from bng_bridge.flow_files.compiler import Compiler, Place

_RECORD = Shape("word", choices=ENTITIES)


@dataclass
class AttemptCompiler:
    """One such step. `place` is its own."""

    compiler: "Compiler"
    node: Section
    verb: str
    scope: Scope
    place: "Place"

    def step(self, when: Getter | None, mark: Mark | None) -> tuple[Step, Scope]:
        """Raises Wrong."""
        made = self._call() if self.verb == "call" else self._write()
        options, shape = made
        catches, scope = self.compiler.catches(self.node, self.scope, self.place)
        scope, slot = self.compiler.names.put(self.node, scope, shape, may_again=self.place.in_catch)
        common: dict[str, Any] = {
            "at": self.node.keys[self.verb], "place": self.place.path, "when": when, "mark": mark, "slot": slot,
            "catches": catches, "pace": self.compiler.pace(self.node),
        }  # fmt: skip
        kind = Call if self.verb == "call" else Write
        return kind(**common, **options), scope

    def _call(self) -> tuple[dict[str, Any], Shape]:
        operation = OPERATIONS[words.word_of(self.node.entries["call"], OPERATIONS, "operation")]
        if operation.needs_bound and not self.compiler.event.has_bound:
            raise Wrong(
                self.node.entries["call"].at,
                f"{operation.name} needs the order that a sales order came from: {self.compiler.event.name} has none",
            )
        if "name" not in self.node.entries:
            raise Wrong(self.node.keys["call"], "has no name: what it answers would be lost", "Write name: WORD.")
        schemas, at = self.compiler.schemas, self.node.at
        takes = {
            name: _RECORD if each is WORD else shape_of(each, schemas, at) for name, each in operation.takes.items()
        }
        arguments = self.compiler.arguments(self.node, takes, self.scope, operation.name)
        options = {"name": _name(self.node, ""), "operation": operation.name, "arguments": arguments}
        return options, shape_of(operation.gives, schemas, at)

    def _write(self) -> tuple[dict[str, Any], Shape]:
        record = self._record()
        name = _name(self.node, "cancellation" if self.verb == CANCEL else record.entity)
        options: dict[str, Any] = {
            "name": name, "verb": self.verb, "record": record, "identity": self.compiler.identity
        }  # fmt: skip
        if self.verb == CANCEL:
            return options, RESULT
        options["of"] = self._of(record)
        options["names"] = self.compiler.arguments(self.node, record.takes, self.scope, record.name)
        options["with_texts"] = self._with_texts()
        options["instead_of"] = self._instead_of(record)
        options["adopt"] = self._adopt(record)
        if "reads" in self.node.entries:
            inner = self.compiler.block(
                self.node.entries["reads"], self.scope, self.place.inside(f"{self.place.path}.reads", in_reads=True)
            )
            if inner.ends:
                raise Wrong(self.node.keys["reads"], "end the flow in every case: nothing would be written")
            options["reads"], self.scope = inner.steps, inner.scope
        return {**options, **self._body(record)}, RESULT

    def _record(self) -> RecordKind:
        node = self.node.entries[self.verb]
        record = RECORDS[words.word_of(node, RECORDS, "record that a flow may write")]
        if self.verb not in record.verbs:
            raise Wrong(node.at, f"{record.name} has no {self.verb}.", f"It has {', '.join(record.verbs)}.")
        event = self.compiler.event.name
        if event not in record.events:
            raise Wrong(
                node.at, f"{record.name} is not written by a flow of {event}.", f"By {', '.join(record.events)}."
            )
        if self.verb not in (verbs := record.verbs_in(event)):
            raise Wrong(
                self.node.keys[self.verb],
                f"{record.name} has no {self.verb} in a flow of {event}: an old one would undo what is newer there.",
                f"It has {', '.join(verbs)}.",
            )
        return record

    def _of(self, record: RecordKind) -> Getter | None:
        is_wanted = self.compiler.event.name in record.of_events
        if is_wanted and "of" not in self.node.entries:
            raise Wrong(self.node.at, f"of is missing: which {record.entity} of the shop it is")
        if not is_wanted and "of" in self.node.entries:
            raise Wrong(self.node.keys["of"], f"{record.name} is the event's own here: of is not said")
        return self._expression("of")

    def _with_texts(self) -> tuple[str, ...]:
        node = self.node.entries.get("with")
        entries = node.entries if isinstance(node, Section) else {}
        return tuple(str(getattr(entries[name], "text", "")) for name in sorted(entries))

    def _instead_of(self, record: RecordKind) -> Getter | None:
        if "instead_of" in self.node.entries and not record.is_replaceable:
            message = f"instead_of does not go with {record.name}: only a customer is made anew"
            raise Wrong(self.node.keys["instead_of"], message)
        return self._expression("instead_of")

    def _adopt(self, record: RecordKind) -> Getter | None:
        """Unlike `instead_of` it may be null: then there is none."""
        if "adopt" in self.node.entries and not record.is_replaceable:
            raise Wrong(self.node.keys["adopt"], f"adopt does not go with {record.name}: only a customer has two names")
        return self._expression("adopt")

    def _expression(self, key: str) -> Getter | None:
        return expression_of(self.node.entries[key], self.scope).get if key in self.node.entries else None

    def _body(self, record: RecordKind) -> dict[str, Any]:
        entries = self.node.entries
        if not {"mapping", "fields"} & set(entries):
            raise Wrong(self.node.at, "has neither mapping nor fields: nothing would be written")
        if "mapping" not in entries and (extra := {"context", "document"} & set(entries)):
            raise Wrong(self.node.keys[min(extra)], f"{min(extra)} is for a mapping, and there is none")
        context, given = self._context(record)
        options: dict[str, Any] = {"document": self._expression("document"), "context": context}
        if "mapping" in entries:
            options["mapping"] = self._mapping(record, given)
        if "fields" in entries:
            options["fields"] = self._fields(record)
        options["merge"] = self._merge(record)
        return options

    def _merge(self, record: RecordKind) -> str:
        """The mapping in whose words both sides are compared: that to BNG, in both directions."""
        node = self.node.entries.get("merge")
        if node is None and record.is_merged:
            raise Wrong(
                self.node.at, f"merge is missing: the mapping to BNG, by whose fields {record.name} is compared"
            )
        if node is None:
            return ""
        if not record.merges_by or self.verb == CREATE or "mapping" not in self.node.entries:
            raise Wrong(self.node.keys["merge"], f"merge does not go with {self.verb} of {record.name} here")
        if not isinstance(node, Scalar):
            raise Wrong(node.at, "merge is the name of a mapping file, without .yaml")
        own = self.node.entries["mapping"]
        if record.target == "bng" and getattr(own, "text", "") != node.text:
            raise Wrong(node.at, "merge names the step's own mapping: it is the one to BNG")
        source, target = record.merges_by
        given = {name: (shape, self.node.at) for name, shape in RECORDS[target].gives.items()}
        use = MappingUse(node.text, node.at, f"{self.place.path}.merge", source, target, given, is_whole=False)
        self.compiler.uses.mappings.append(use)
        return node.text

    def _context(self, record: RecordKind) -> tuple[dict[str, Getter], Mapping[str, tuple[Shape, Position]]]:
        node = self.node.entries.get("context")
        given = {name: (shape, self.node.at) for name, shape in record.gives.items()}
        getters: dict[str, Getter] = {}
        if node is None:
            return getters, given
        if not isinstance(node, Section):
            raise Wrong(node.at, "NAME: EXPRESSION lines are wanted")
        for name, each in node.entries.items():
            if name in record.gives:
                raise Wrong(node.keys[name], f"{name} is given to every mapping of {record.name} already")
            made = expression_of(each, self.scope)
            getters[name], given[name] = made.get, (made.shape, node.keys[name])
        return getters, given

    def _mapping(self, record: RecordKind, given: Mapping[str, tuple[Shape, Position]]) -> str:
        node = self.node.entries["mapping"]
        if not isinstance(node, Scalar):
            raise Wrong(node.at, "mapping is the name of a mapping file, without .yaml")
        event = self.compiler.event
        if event.own_fields and "document" not in self.node.entries:
            told = " and ".join(event.own_fields)
            raise Wrong(node.at, f"of {event.name} only {told} are told", "Say under document what is to be mapped.")
        source, target = event.name, record.body if isinstance(record.body, str) else record.name
        if "document" in self.node.entries:
            source = expression_of(self.node.entries["document"], self.scope).shape.name
        use = MappingUse(node.text, node.at, f"{self.place.path}.mapping", source, target, given, self.verb != UPDATE)
        self.compiler.uses.mappings.append(use)
        return node.text

    def _fields(self, record: RecordKind) -> Getter:
        """On their own they must be all that the record needs; beside a mapping they stand in place of its own."""
        shape = record.body
        if isinstance(shape, str):
            shape = self.compiler.schemas.find(shape, self.node.at, is_target=True)
        is_partial = self.verb == UPDATE or "mapping" in self.node.entries
        rules = RuleCompiler(self.compiler.findings, is_partial=is_partial, coverage=self.compiler.coverage)
        place = f"{self.place.path}.fields"
        return rules.fields(self.node.entries["fields"], shape or ANY, self.scope, place).get


def _name(node: Section, otherwise: str) -> str:
    found = node.entries.get("name")
    return found.text if isinstance(found, Scalar) else otherwise
