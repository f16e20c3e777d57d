"""The words of a step, and what is said to those that are none: from other languages, and from those with loops."""

from collections.abc import Mapping

from bng_bridge.flow_files.records import VERBS as WRITES
from bng_bridge.mapping.findings import Wrong, did_you_mean
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence

_TRIES = ("name", "when", "retry", "catch")
_BODY = ("of", "with", "reads", "document", "mapping", "context", "fields")

STEPS: Mapping[str, tuple[str, ...]] = {
    "call": (*_TRIES, "with"),
    "upsert": (*_TRIES, *_BODY, "adopt", "merge"),
    "create": (*_TRIES, *_BODY, "instead_of", "adopt"),
    "update": (*_TRIES, *_BODY, "merge"),
    "cancel": _TRIES,
    "hold": ("when", "for", "problem", "policy", "at_most", "hint"),
    "skip": ("when",),
    "end": ("when",),
    "dead": ("when", "problem", "hint"),
    "emit": ("when", "with"),
    "choose": ("when",),
    "raise": ("when", "hint"),
}
"""What a step does, and what may stand beside it."""

KEYS = tuple(sorted({key for keys in STEPS.values() for key in keys}))
CATCH_KEYS = ("error", "when", "steps", "then")
BRANCH_KEYS = ("when", "steps")
THEN = ("again", "continue", "end")

_LOOPS = ("for", "foreach", "each", "while", "until", "loop", "repeat", "goto", "jump", "next")
_NO_LOOPS = "A flow has no loops: it runs once through its steps, and again as a whole when it is retried."
_OURS = {
    "if": "Write when.", "else": "Write choose, with a branch without when.", "switch": "Write choose.",
    "case": "Write choose.", "wait": "Write hold.", "sleep": "Write hold.", "delay": "Write hold.",
    "try": "Write catch, at the step itself.", "do": "Write choose, with steps in its branches.", "run": "Write call.",
    "set": "Write let, at the top.", "insert": "Write create.", "write": "Write create, upsert or update.",
    "delete": "Nothing is deleted at a target: write cancel, or update with a status.",
    "drop": "Write skip.", "ignore": "Write skip.", "fail": "Write dead.",
}  # fmt: skip


def verb_of(node: Section) -> str:
    """The one word of a step that says what it does. Raises Wrong."""
    found = [key for key in node.entries if key in STEPS]
    if len(found) > 1:
        raise Wrong(node.keys[found[1]], f"{found[0]} and {found[1]} are two steps", "Each begins with a - of its own.")
    if not found:
        raise _unknown(node, next(iter(node.entries), ""))
    unknown = next((key for key in node.entries if key not in (found[0], *STEPS[found[0]])), None)
    if unknown is not None and (unknown not in KEYS or unknown in _LOOPS):
        raise _unknown(node, unknown)
    if unknown is not None:
        raise Wrong(node.keys[unknown], f"{unknown} does not go with {found[0]}.", _listed(found[0]))
    return found[0]


def _unknown(node: Section, key: str) -> Wrong:
    if not key:
        return Wrong(node.at, "is an empty step")
    at = node.keys[key]
    if key in _LOOPS:
        return Wrong(at, f"`{key}` would be a loop.", _NO_LOOPS)
    if key in _OURS:
        return Wrong(at, f"{key} is no word of a step.", _OURS[key])
    hint = did_you_mean(key, [*STEPS, *KEYS]) or f"A step is one of {', '.join(STEPS)}."
    return Wrong(at, f"{key} is no word of a step.", hint)


def _listed(verb: str) -> str:
    return f"Beside {verb} there may be {', '.join(STEPS[verb])}."


def check_keys(node: Node, known: tuple[str, ...], what: str) -> Section:
    """Raises Wrong for what is no section of these keys."""
    if not isinstance(node, Section):
        raise Wrong(node.at, f"KEY: VALUE lines are wanted: {', '.join(known)}")
    for key in node.entries:
        if key not in known:
            hint = did_you_mean(key, known) or f"There are {', '.join(known)}."
            raise Wrong(node.keys[key], f"{key} is no part of {what}.", hint)
    return node


def word_of(node: Node, known: Mapping[str, object] | tuple[str, ...], what: str) -> str:
    """One of these words. Raises Wrong."""
    if not isinstance(node, Scalar) or node.text not in known:
        text = node.text if isinstance(node, Scalar) else "this"
        raise Wrong(node.at, f"{text} is no {what}.", did_you_mean(text, known) or f"There are {', '.join(known)}.")
    return node.text


def items_of(node: Node, what: str) -> tuple[Node, ...]:
    """The parts of a list that is not empty. Raises Wrong."""
    if not isinstance(node, Sequence) or not node.items:
        raise Wrong(node.at, f"a list is wanted, each {what} with a - before it")
    return node.items


def is_write(verb: str) -> bool:
    return verb in WRITES
