"""The steps of a flow file, compiled in order: each sees the names that those before it set.

Mistakes are collected, so that all of a file are reported at once; a step with one is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bng_bridge.flow_files import words
from bng_bridge.flow_files.attempt_compiler import AttemptCompiler
from bng_bridge.flow_files.attempts import Catch
from bng_bridge.flow_files.durations import KEYS as RETRY_KEYS
from bng_bridge.flow_files.durations import pace_of, seconds_in, seconds_of
from bng_bridge.flow_files.emits import EMITS
from bng_bridge.flow_files.events import FAILURE, EventKind
from bng_bridge.flow_files.failures import HOLDS, KINDS, PROBLEMS, WAITED_FOR
from bng_bridge.flow_files.names import Names, joined
from bng_bridge.flow_files.steps import Choose, Dead, Emit, End, Hold, HoldByPolicy, Raise, Step
from bng_bridge.flow_files.texts import Text, text_of
from bng_bridge.flow_files.uses import Uses
from bng_bridge.mapping.budget import Getter
from bng_bridge.mapping.coverage import Coverage, Mark
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.findings import Findings, Position, Wrong
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.shapes import Shape, fits
from bng_bridge.mapping.yaml_tree import Node, Section
from bridge_common.errors import NotReady, Pace

MOST_STEPS = 200
MOST_LEVELS = 8
HOLD_S = 2.0
POLICY_S = 3600.0
_ENDS = ("skip", "end", "hold", "dead", "raise")


@dataclass(frozen=True)
class Place:
    """Where in the file steps stand: what messages call it, how deep, in a `catch`, or in the reads of a write."""

    path: str = "steps"
    level: int = 1
    in_catch: bool = False
    in_reads: bool = False

    def inside(self, path: str, *, in_catch: bool = False, in_reads: bool = False) -> "Place":
        return Place(path, self.level + 1, self.in_catch or in_catch, self.in_reads or in_reads)


@dataclass(frozen=True)
class Block:
    """Compiled steps, what is known behind them, and whether every way through them ends the flow."""

    steps: tuple[Step, ...]
    scope: Scope
    ends: bool


@dataclass
class Compiler:
    """One file on its way; `uses` is what it wants of mappings and of other flows."""

    event: EventKind
    schemas: Schemas
    findings: Findings
    identity: str
    coverage: Coverage | None = None
    names: Names = field(default_factory=Names)
    uses: Uses = field(default_factory=Uses)
    _count: int = 0

    def block(self, node: Node, scope: Scope, place: Place) -> Block:
        if place.level > MOST_LEVELS:
            raise Wrong(node.at, f"more than {MOST_LEVELS} levels of steps")
        steps: list[Step] = []
        ended_at: Position | None = None
        for number, each in enumerate(words.items_of(node, "step"), 1):
            path = f"{place.path}.{_called(each, number)}"
            if ended_at is not None:
                message = f"is never reached: what stands in line {ended_at.line} ends the flow in every case"
                self.findings.add(each.at, path, message)
                break
            try:
                step, scope, ends = self._step(each, scope, place, path)
            except Wrong as wrong:
                self.findings.take(wrong, path)
                scope = self.names.put_anyway(each, scope)
                continue
            steps.append(step)
            ended_at = each.at if ends else None
        return Block(tuple(steps), scope, ended_at is not None)

    def _step(self, node: Node, scope: Scope, place: Place, path: str) -> tuple[Step, Scope, bool]:
        self._count += 1
        if self._count > MOST_STEPS:
            raise Wrong(node.at, f"is too large: at most {MOST_STEPS} steps")
        if not isinstance(node, Section):
            raise Wrong(node.at, "a step is KEY: VALUE lines")
        verb = words.verb_of(node)
        _check_place(node, verb, place)
        when = self.when(node, scope)
        mark = self.mark(node.keys[verb], f"{path} {verb}")
        if verb == "choose":
            return self._choose(node, scope, place.inside(path), when, mark)
        if verb == "call" or words.is_write(verb):
            step, scope = AttemptCompiler(self, node, verb, scope, place.inside(path)).step(when, mark)
            return step, scope, False
        step = self._plain(node, verb, scope, path, when, mark)
        return step, scope, when is None and verb in _ENDS

    def when(self, node: Section, scope: Scope) -> Getter | None:
        """None where the step always runs. Raises Wrong for a condition that never holds."""
        found = node.entries.get("when")
        if found is None:
            return None
        made = expression_of(found, scope)
        if not made.is_constant:
            return made.get
        if not made.get([0]):
            raise Wrong(found.at, "is never reached: the condition never holds")
        return None

    def mark(self, at: Position, name: str) -> Mark | None:
        return self.coverage.rules.setdefault((at, name), Mark(at, name)) if self.coverage is not None else None

    def _plain(self, node: Section, verb: str, scope: Scope, path: str, when: Getter | None, mark: Mark | None) -> Step:
        at = node.keys[verb]
        if verb == "emit":
            return self._emit(node, scope, path, when, mark)
        if verb == "raise":
            words.word_of(node.entries["raise"], ("error",), "thing to raise")
            hint = text_of(node.entries["hint"], scope) if "hint" in node.entries else None
            return Raise(at=at, place=path, when=when, mark=mark, hint=hint)
        text = text_of(node.entries[verb], scope)
        if verb in ("skip", "end"):
            outcome = "skipped" if verb == "skip" else "done"
            return End(at=at, place=path, when=when, mark=mark, outcome=outcome, text=text)
        hint = self._hint(node, scope)
        if verb == "dead":
            problem = self._problem(node)
            return Dead(at=at, place=path, when=when, mark=mark, text=text, hint=hint, problem=problem)
        if "policy" in node.entries or "at_most" in node.entries:
            policy, at_most = self._policy(node, scope)
            delay_s = seconds_of(node.entries["for"]) if "for" in node.entries else POLICY_S
            return HoldByPolicy(
                at=at,
                place=path,
                when=when,
                mark=mark,
                text=text,
                hint=hint,
                delay_s=delay_s,
                policy=policy,
                at_most=at_most,
            )
        error, delay_s = _waiting(node)
        return Hold(at=at, place=path, when=when, mark=mark, text=text, hint=hint, delay_s=delay_s, error=error)

    def _policy(self, node: Section, scope: Scope) -> tuple[Text, Text]:
        """Its name and the longest time. Raises Wrong."""
        entries = node.entries
        missing = next((key for key in ("policy", "at_most") if key not in entries), None)
        if missing is not None:
            hint = "policy names the rule that holds it, at_most says for how long, such as 30 d."
            raise Wrong(node.at, f"{missing} is missing.", hint)
        if "problem" in entries:
            raise Wrong(
                node.keys["problem"], "problem does not go with policy: what a policy holds is a list of its own"
            )
        longest = getattr(entries["at_most"], "text", "")
        if "{" not in longest and not seconds_in(longest):
            raise Wrong(entries["at_most"].at, "a time is wanted, a number and s, min, h or d.", "Such as 30 d.")
        return text_of(entries["policy"], scope), text_of(entries["at_most"], scope)

    def _hint(self, node: Section, scope: Scope) -> Text:
        return text_of(node.entries["hint"], scope) if "hint" in node.entries else lambda _: ""

    def _problem(self, node: Section) -> str:
        """A word, by which dead letters are grouped; any that is one."""
        found = node.entries.get("problem")
        if found is None:
            return ""
        text = getattr(found, "text", "")
        if not text.replace("-", "").isalnum() or text != text.lower():
            raise Wrong(found.at, "problem is a word of small letters, digits and -")
        return str(text)

    def _emit(self, node: Section, scope: Scope, path: str, when: Getter | None, mark: Mark | None) -> Step:
        event = words.word_of(node.entries["emit"], EMITS, "event that a flow may have looked at")
        self.uses.emits.append((event, node.entries["emit"].at))
        names = self.arguments(node, EMITS[event].takes, scope, f"emit {event}")
        return Emit(at=node.keys["emit"], place=path, when=when, mark=mark, event=event, names=names)

    def _choose(
        self, node: Section, scope: Scope, place: Place, when: Getter | None, mark: Mark | None
    ) -> tuple[Step, Scope, bool]:
        branches: list[tuple[Getter | None, tuple[Step, ...]]] = []
        behind, ends, is_closed = scope, True, False
        for number, each in enumerate(words.items_of(node.entries["choose"], "branch"), 1):
            branch = words.check_keys(each, words.BRANCH_KEYS, "a branch")
            if is_closed:
                raise Wrong(branch.at, "is never reached: the branch before it has no condition")
            if "steps" not in branch.entries:
                raise Wrong(branch.at, "steps is missing")
            holds = self.when(branch, scope)
            inner = self.block(branch.entries["steps"], scope, place.inside(f"{place.path}.choose[{number}]"))
            branches.append((holds, inner.steps))
            behind, ends, is_closed = joined(behind, inner.scope), ends and inner.ends, holds is None
        step = Choose(at=node.keys["choose"], place=place.path, when=when, mark=mark, branches=tuple(branches))
        return step, behind, ends and is_closed and when is None

    # ── parts of what calls and writes ──

    def arguments(self, node: Section, takes: Mapping[str, Shape], scope: Scope, what: str) -> dict[str, Getter]:
        """What `with` says, held to the catalogue. Raises Wrong."""
        given = node.entries.get("with")
        entries = words.check_keys(given, tuple(takes), what).entries if given is not None else {}
        missing = [name for name in takes if name not in entries]
        if missing:
            at = node.at if given is None else given.at
            raise Wrong(at, f"{what} needs {', '.join(missing)}", "It stands under with.")
        return {name: self._argument(name, entries[name], takes[name], scope) for name in takes}

    def _argument(self, name: str, node: Node, shape: Shape, scope: Scope) -> Getter:
        if shape.kind == "word":
            text = words.word_of(node, shape.choices, "record's word")
            return lambda _: text
        made = expression_of(node, scope)
        if not fits(made.shape, shape):
            raise Wrong(node.at, f"{name} is to be {shape.words}, this is {made.shape.words}")
        return made.get

    def pace(self, node: Section) -> Pace | None:
        found = node.entries.get("retry")
        if found is None:
            return None
        section = words.check_keys(found, RETRY_KEYS, "retry")
        if not {"first", "most"} <= set(section.entries):
            raise Wrong(found.at, "first and most are wanted: the first pause and the longest")
        first, most = section.entries["first"], section.entries["most"]
        return pace_of(first, most, section.entries.get("give_up_after"))

    def catches(self, node: Section, scope: Scope, place: Place) -> tuple[tuple[Catch, ...], Scope]:
        """The catches of a step, and the scope with what their steps may have set."""
        if "catch" not in node.entries:
            return (), scope
        behind, taken, found = scope, set[str](), list[Catch]()
        for number, each in enumerate(words.items_of(node.entries["catch"], "catch"), 1):
            entry = words.check_keys(each, words.CATCH_KEYS, "a catch")
            if "error" not in entry.entries:
                raise Wrong(each.at, "error is missing: what is to be caught")
            error = _caught_word(entry.entries["error"])
            if error in taken:
                raise Wrong(each.at, f"is never reached: a catch before it takes every {error}")
            inner = place.inside(f"{place.path}.catch[{number}]", in_catch=True)
            made, behind = self._catch(entry, error, scope, behind, inner)
            found.append(made)
            taken |= {error} if made.when is None else set()
        return tuple(found), behind

    def _catch(self, entry: Section, error: str, scope: Scope, behind: Scope, place: Place) -> tuple[Catch, Scope]:
        if "error" in scope.variables:
            inner, slot = scope, scope.variables["error"].slot
        else:
            inner, slot = scope.with_name("error", FAILURE, entry.at)
        when = self.when(entry, inner)
        block = Block((), inner, ends=False)
        if "steps" in entry.entries:
            block = self.block(entry.entries["steps"], inner, place)
        then = entry.entries.get("then")
        if then is None and not block.ends:
            raise Wrong(entry.at, f"then is missing: {', '.join(words.THEN)}")
        if then is not None and block.ends:
            raise Wrong(entry.keys["then"], "is never reached: the steps above it end the flow in every case")
        how = "end" if then is None else words.word_of(then, words.THEN, "way to go on")
        if then is not None and how == "end" and place.in_reads:
            raise Wrong(then.at, "end does not stand under reads: the record would be written all the same")
        mark = self.mark(entry.at, f"{place.path} {error}")
        return Catch(error, when, block.steps, how, slot, mark), joined(behind, block.scope, without="error")


def _called(node: Node, number: int) -> str:
    name = node.entries.get("name") if isinstance(node, Section) else None
    return str(getattr(name, "text", number))


def _check_place(node: Section, verb: str, place: Place) -> None:
    if verb == "raise" and not place.in_catch:
        raise Wrong(node.keys[verb], "raise stands in the steps of a catch", "Elsewhere write dead, or hold.")
    if place.in_reads and verb not in ("call", "hold", "dead", "raise"):
        raise Wrong(node.keys[verb], f"{verb} does not stand under reads: call, hold and dead do")


def _waiting(node: Section) -> tuple[type[NotReady], float]:
    problem, delay = node.entries.get("problem"), node.entries.get("for")
    word = "dependency-missing" if problem is None else words.word_of(problem, HOLDS, "kind of waiting")
    return HOLDS[word], HOLD_S if delay is None else seconds_of(delay)


def _caught_word(node: Node) -> str:
    text = getattr(node, "text", "")
    if text in WAITED_FOR:
        raise Wrong(node.at, f"{text} is never caught: it is waited for", "Only then is it known that nothing is lost.")
    return words.word_of(node, (*KINDS, *PROBLEMS), "kind of failure")
