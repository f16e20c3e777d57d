"""A mapping file, from its text to a function over documents.

`load` checks everything that can be checked without a document and reports all of it at once. What it gives is pure: the
same document and context give the same fields, in bounded time. It keeps no state between calls.
"""

import hashlib
from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bng_bridge.mapping.budget import BUDGET, DOCUMENT, LEFT, Frame, Getter
from bng_bridge.mapping.coverage import Coverage
from bng_bridge.mapping.extension import extended
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.findings import Findings, MappingFileError, Wrong
from bng_bridge.mapping.functions.library import functions
from bng_bridge.mapping.head import Head, read_head
from bng_bridge.mapping.lets import Let, read_lets, set_lets
from bng_bridge.mapping.refusals import Refusal, read_refusals
from bng_bridge.mapping.rule import Rule
from bng_bridge.mapping.rules import Compiler
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.scope import Scope, first_scope
from bng_bridge.mapping.tables import read_tables
from bng_bridge.mapping.yaml_tree import Section, parse, read_text

FORMAT = 1
"""Part of the identity: the same file means something else when this rises."""


@dataclass(frozen=True)
class Mapping:
    """Call it with a document and the context that its file declares; what it gives is a new object of the target's fields.

    `identity` is a hash of all that determines the result. Raises MappingError, with field and line, for a document that
    cannot be mapped: a value that is not in a table, an amount that is none, null where something is required.
    """

    path: str
    identity: str
    head: Head
    _context: tuple[tuple[str, int], ...]
    _lets: tuple[Let, ...]
    _refusals: tuple[Refusal, ...]
    _fields: Getter
    _slots: int
    tables: Names[str, Names[str, str]] = field(default_factory=dict)
    """Its value tables as typed, for people: what has an entry, and which."""

    def __call__(self, document: dict[str, Any], /, **context: Any) -> dict[str, Any]:
        """Context beyond what the file declares is ignored, so that a flow can give all it has."""
        frame: Frame = [None] * self._slots
        frame[LEFT], frame[DOCUMENT] = BUDGET, document
        try:
            for name, slot in self._context:
                if name not in context:
                    raise Fault(f"the context {name} was not given")
                frame[slot] = context[name]
            return self._run(frame)
        except Fault as fault:
            raise fault.error(self.path) from fault

    def _run(self, frame: Frame) -> dict[str, Any]:
        if not isinstance(frame[DOCUMENT], dict):
            raise Fault(f"the document is {kind_of(frame[DOCUMENT])}, not an object")
        set_lets(self._lets, frame)
        for refusal in self._refusals:
            refusal.check(frame)
        result: dict[str, Any] = self._fields(frame)
        return result


def load(path: Path, *, schemas: Schemas | None = None, coverage: Coverage | None = None) -> Mapping:
    """Raises MappingFileError with every mistake of the file; ConfigError for a plug-in that cannot be loaded."""
    return compile_text(read_text(path), path, schemas=schemas, coverage=coverage)


def compile_text(text: str, path: Path, *, schemas: Schemas | None = None, coverage: Coverage | None = None) -> Mapping:
    """The same for a text; `path` is where it says it stands, for findings and for files beside it."""
    tree, texts = extended(parse(text, str(path)), path)
    known = (schemas or Schemas()).near(path)
    # By the kinds of its fields a document is converted.
    hashed = [text, *texts, *([known.shop.digest] if known.shop else [])]
    return _Compiling(tree, path, known, coverage, hashed=hashed).mapping()


@dataclass
class _Compiling:
    """One file on its way."""

    tree: Section
    path: Path
    schemas: Schemas
    coverage: Coverage | None
    findings: Findings = field(default_factory=Findings)
    hashed: list[str] = field(default_factory=list)

    def mapping(self) -> Mapping:
        head = read_head(self.tree, self.schemas, self.findings)
        if head is None:
            raise MappingFileError(self.findings)
        scope, context = self._context(head, first_scope(head.root, head.source, functions()))
        scope = Scope(scope.variables, self._tables(), scope.functions, scope.slots)
        compiler = Compiler(self.findings, is_partial=head.is_partial, omit_null=head.omit_null, coverage=self.coverage)
        scope, lets = read_lets(self.tree.entries.get("let"), scope, compiler, self.findings)
        refusals = read_refusals(self.tree.entries.get("refuse"), scope, self.findings, self.coverage)
        fields = self._fields(compiler, head, scope)
        if self.findings:
            raise MappingFileError(self.findings)
        return Mapping(
            str(self.path), self._identity(), head, context, lets, refusals, fields.get, scope.slots.count,
            {name: {key: each.text for key, each in table.entries.items()} for name, table in scope.tables.items()},
        )  # fmt: skip

    def _context(self, head: Head, scope: Scope) -> tuple[Scope, tuple[tuple[str, int], ...]]:
        slots = []
        for name, (shape, at) in head.context.items():
            try:
                scope, slot = scope.with_name(name, shape, at)
            except Wrong as wrong:
                self.findings.take(wrong, f"context.{name}")
                continue
            slots.append((name, slot))
        return scope, tuple(slots)

    def _tables(self) -> Names[str, Any]:
        tables, texts = read_tables(self.tree.entries.get("tables"), self.path, self.findings)
        self.hashed += texts
        return tables

    def _fields(self, compiler: Compiler, head: Head, scope: Scope) -> Rule:
        try:
            return compiler.fields(self.tree.entries["fields"], head.target, scope, "fields")
        except Wrong as wrong:
            self.findings.take(wrong, "fields")
            raise MappingFileError(self.findings) from wrong

    def _identity(self) -> str:
        parts = [str(FORMAT), *self.hashed]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()
