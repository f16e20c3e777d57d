"""Failures by the words that flow files use: which a step may catch, and which waiting a `hold` is."""

from collections.abc import Mapping

from bridge_common.errors import (
    AwaitingPayment,
    BridgeError,
    DependencyMissing,
    InvalidEvent,
    MappingError,
    NotReady,
    PermanentError,
    RefusedByFlow,
    RejectedByTarget,
)

KINDS: Mapping[str, type[BridgeError]] = {
    "dependency-missing": DependencyMissing,
    "invalid-event": InvalidEvent,
    "mapping-error": MappingError,
    "refused-by-flow": RefusedByFlow,
    "rejected-by-target": RejectedByTarget,
}
PROBLEMS = (
    "absent", "amounts-differ", "closed-period", "done-before", "duplicate-external-id", "idempotency-key-reused",
    "insufficient-stock", "less-left-to-invoice", "less-left-to-refund", "less-left-to-ship", "malformed",
    "not-an-amount", "not-found", "not-taken", "precondition-failed", "reference", "renamed", "unbalanced-entry",
    "unknown-customer", "unknown-item", "unknown-line", "validation", "version-required",
)  # fmt: skip
"""What a refusal is called in a word: by BNG, in the profile's translation, and by us."""

WAITED_FOR = (
    "outcome-unknown", "quiet-period", "rate-limited", "target-paused", "target-unavailable", "identity-changed",
)  # fmt: skip
"""Never caught: nothing may go on while a write may be under way, a target is closed, or the shop is another one."""

HOLDS: Mapping[str, type[NotReady]] = {"dependency-missing": DependencyMissing, "awaiting-payment": AwaitingPayment}


def is_caught(word: str, error: BridgeError) -> bool:
    """Whether a `catch` of that word takes the error."""
    kind = KINDS.get(word)
    if kind is not None:
        return isinstance(error, kind)
    return isinstance(error, PermanentError) and error.problem == word
