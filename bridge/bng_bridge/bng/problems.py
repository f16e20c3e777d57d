"""BNG's refusals: what problem+json (RFC 9457) says, and what a person can do about it."""

from typing import Any

from bridge_common.errors import RejectedByTarget
from bridge_common.http import Answer

HINTS = {
    "unknown-customer": "BNG does not know the order's customer. Look at it in BNG and in the shop, then "
    "bridgectl dlq retry {event}.",
    "duplicate-external-id": "Another record in BNG has this ExternalID. Correct it there, then "
    "bridgectl dlq retry {event}.",
    "insufficient-stock": "Correct the stock in BNG, then bridgectl dlq retry {event}.",
    "closed-period": "Open the period in BNG, then bridgectl dlq retry {event}.",
    "validation": "Correct the field that it names in the shop, then bridgectl dlq retry {event}, which reads it anew; "
    "or bridgectl dlq edit {event}.",
}


def rejected(message: str, answer: Answer) -> RejectedByTarget:
    """With the problem's type and the first field it names."""
    body = document(answer)
    problem = problem_of(body)
    pointer = next((str(item["pointer"]) for item in errors_of(body) if item.get("pointer")), "")
    return RejectedByTarget(
        message, hint=HINTS.get(problem, ""), status=answer.status, problem=problem, pointer=pointer
    )


def sentence(method: str, url: str, answer: Answer) -> str:
    body = document(answer)
    text = str(body.get("detail") or body.get("title") or body.get("text") or "no explanation")[:300]
    details = "; ".join(f"{item.get('pointer', '')} {item.get('detail', '')}".strip() for item in errors_of(body))
    return f"{method} {url} answered {answer.status}: {text}" + (f" ({details})" if details else "")


def problem_of(body: dict[str, Any]) -> str:
    """The last part of the type's URN or URL; '' where it has none of its own."""
    kind = str(body.get("type") or "about:blank")
    return "" if kind == "about:blank" else kind.rsplit(":", 1)[-1].rsplit("/", 1)[-1]


def errors_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    listed = body.get("errors")
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def document(answer: Answer) -> dict[str, Any]:
    return answer.body if isinstance(answer.body, dict) else {}
