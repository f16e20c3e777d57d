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
    message = f"{method} {url} answered {answer.status}: {_text_of(profile, answer)}{_details_of(profile, answer)}"
    if problem == "unauthorized":
        return TargetPaused(message, hint="Check the credentials under [bng].", delay_s=15)
    if problem in ("rate-limited", "unavailable") or (method == "GET" and answer.status in (502, 504)):
        return _not_executed(profile, message, answer, problem)
    if problem == "idempotency-key-in-flight" or answer.status >= 500:
        # A 502 or 504 comes from a proxy that may have passed the request on; any other is BNG's own.
        return OutcomeUnknown(message, answered=answer.status not in (502, 504))
    return RejectedByTarget(message, status=answer.status, problem=problem)


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
    """The last part of a URN or URL: BNG's problems are urn:bng:problem:NAME."""
    found = at(answer.body, profile.errors.code)
    return str(found or "").rsplit(":", 1)[-1].rsplit("/", 1)[-1]


def _text_of(profile: Profile, answer: Answer) -> str:
    texts = [at(answer.body, pointer) for pointer in (*profile.errors.texts, "/text")]
    return str(next(filter(None, texts), "no explanation"))[:TEXT_SHOWN]


def _details_of(profile: Profile, answer: Answer) -> str:
    where = profile.errors.details
    listed: Any = at(answer.body, where.list)
    said = [f"{at(each, where.pointer) or ''} {at(each, where.text) or ''}".strip() for each in listed or []]
    return f" ({'; '.join(said)})" if any(said) else ""
