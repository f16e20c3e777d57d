"""What an answer of BNG means: a problem by BNG's own name, in whatever words the ERP says it, and the error it becomes."""

from typing import Any

from bng_bridge import http
from bng_bridge.bng.pointers import at
from bng_bridge.bng.profile import Profile, Said
from bridge_common.errors import (
    BridgeError,
    InMaintenance,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
    TransientError,
)
from bridge_common.http import Answer

OK = ""
BY_STATUS = {
    401: "unauthorized",
    403: "unauthorized",
    404: "not-found",
    412: "precondition-failed",
    428: "version-required",
    429: "rate-limited",
    503: "unavailable",
}
"""Where neither profile nor code says more."""

TEXT_SHOWN = 300

HINTS = {
    "unknown-customer": "BNG does not know the order's customer. Look at it in BNG and in the shop, then "
    "bridgectl dlq retry {event}.",
    "duplicate-external-id": "Another record in BNG has this ExternalID. Correct it there, then "
    "bridgectl dlq retry {event}.",
    "insufficient-stock": "Correct the stock in BNG, then bridgectl dlq retry {event}.",
    "unbalanced-entry": "The entry's debits and credits differ: correct the mapping, then bridgectl dlq retry {event}.",
    "closed-period": "Open the period in BNG, then bridgectl dlq retry {event}.",
    "validation": "Correct the field that it names in the shop, then bridgectl dlq retry {event}, which reads it anew; "
    "or bridgectl dlq edit {event}.",
}


def problem_of(profile: Profile, answer: Answer) -> str:
    """The problem's name in BNG's list, OK for none, and the ERP's own code where BNG has no such problem.

    The profile's own words come first, and among them those that name a code.
    """
    if answer.status < 400:
        return OK
    code = _code_of(profile, answer)
    said = sorted(profile.errors.problems.items(), key=lambda each: not each[1].code)
    for problem, way in said:
        if _is_said(way, answer.status, code):
            return problem
    return BY_STATUS.get(answer.status, code)


def error_of(profile: Profile, method: str, url: str, answer: Answer, problem: str) -> BridgeError:
    """Login troubles pause the target, for credentials are not one event's fault; what was not executed is told apart."""
    details = _details_of(profile, answer)
    listed = "; ".join(f"{pointer} {text}".strip() for pointer, text in details)
    message = f"{method} {url} answered {answer.status}: {_text_of(profile, answer)}" + (
        f" ({listed})" if listed else ""
    )
    if problem == "unauthorized":
        return TargetPaused(message, hint="Check the credentials under [bng].", delay_s=15)
    if problem in ("rate-limited", "unavailable") or (method == "GET" and answer.status in (502, 504)):
        return _not_executed(profile, message, answer, problem)
    if problem == "idempotency-key-in-flight" or answer.status >= 500:
        # A 502 or 504 comes from a proxy that may have passed the request on; any other is BNG's own.
        return OutcomeUnknown(message, answered=answer.status not in (502, 504))
    pointer = next((pointer for pointer, _ in details if pointer), "")
    return RejectedByTarget(
        message, hint=HINTS.get(problem, ""), status=answer.status, problem=problem, pointer=pointer
    )


def _not_executed(profile: Profile, message: str, answer: Answer, problem: str) -> TransientError:
    wait_s = http.bounded(answer.retry_after_s)
    if answer.is_maintenance:
        return InMaintenance(f"{message}: it is in maintenance", retry_after_s=wait_s)
    if problem == "rate-limited":
        return RateLimited(message, retry_after_s=profile.limits.wait_s if wait_s is None else wait_s)
    kind = Overloaded if problem == "unavailable" else TargetUnavailable
    return kind(message, retry_after_s=wait_s)


def _is_said(way: Said, status: int, code: str) -> bool:
    return way.status in (None, status) and way.code in ("", code)


def _code_of(profile: Profile, answer: Answer) -> str:
    """The last part of a URN or URL: BNG's problems are urn:bng:problem:NAME. RFC 9457 has about:blank for none."""
    found = at(answer.body, profile.errors.code)
    return "" if found == "about:blank" else str(found or "").rsplit(":", 1)[-1].rsplit("/", 1)[-1]


def _text_of(profile: Profile, answer: Answer) -> str:
    texts = [at(answer.body, pointer) for pointer in (*profile.errors.texts, "/text")]
    return str(next(filter(None, texts), "no explanation"))[:TEXT_SHOWN]


def _details_of(profile: Profile, answer: Answer) -> list[tuple[str, str]]:
    """Of each field that is wrong where it is, by the ERP's name, and why."""
    where = profile.errors.details
    listed: Any = at(answer.body, where.list)
    if not isinstance(listed, list):
        return []
    return [(str(at(each, where.pointer) or ""), str(at(each, where.text) or "")) for each in listed]
