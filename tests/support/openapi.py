"""An OpenAPI document as a judge of real answers."""

import json
import re
from collections.abc import Mapping
from typing import Any

from .json_schema import Json, Schemas

OWN_HEADERS = frozenset(
    {
        "ETag", "Location", "Idempotent-Replayed", "WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy",
    }
)  # fmt: skip
"""What the server adds; each has to be in the document where it is sent."""


class Described:
    """A document, and which of its answers were seen: (METHOD path, status, problem type or "")."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.seen: set[tuple[str, str, str]] = set()
        self._schemas = Schemas(document)

    def operations(self) -> set[str]:
        """Such as `GET /api/v1/customers/{id}`."""
        return {
            f"{method.upper()} {path}"
            for path, described in self.document["paths"].items()
            for method in described
            if method != "parameters"
        }

    def answers(self, operation: str) -> set[tuple[str, str, str]]:
        """All that this operation may be answered, but for `default`."""
        found = set()
        for status, answer in self.responses(operation).items():
            content = answer["content"].get("application/problem+json")
            kinds = content["schema"]["properties"]["type"]["enum"] if content and status != "default" else [""]
            found |= {(operation, status, kind) for kind in kinds if status != "default"}
        return found

    def responses(self, operation: str) -> Json:
        method, path = operation.split()
        responses: Json = self.document["paths"][path][method.lower()]["responses"]
        return responses

    def operation(self, method: str, path: str) -> str:
        """The one that a request is for; literal paths come before those with parameters."""
        found = [each for each in self.operations() if re.fullmatch(pattern(each), f"{method} {path}")]
        assert found, f"{method} {path} is not in the document"
        return min(found, key=lambda each: each.count("{"))

    def check_answer(self, method: str, path: str, status: int, headers: Mapping[str, str], text: str) -> None:
        """Fail unless the document has this answer; note that it was seen."""
        operation = self.operation(method, path)
        responses = self.responses(operation)
        assert str(status) in responses, f"{operation} was answered {status}, which is not in the document"
        answer, body = responses[str(status)], json.loads(text)
        content_type = headers["Content-Type"].partition(";")[0]
        assert self.errors(answer["content"][content_type]["schema"], body) == [], f"{operation} {status}"
        self._check_headers(answer.get("headers", {}), headers)
        kind = body["type"] if content_type == "application/problem+json" else ""
        self.seen.add((operation, str(status), kind))

    def check_body(self, method: str, path: str, body: Any) -> None:
        """Fail unless the document allows a request with this body."""
        verb, template = self.operation(method, path).split()
        described = self.document["paths"][template][verb.lower()].get("requestBody")
        if described is not None:
            assert self.errors(described["content"]["application/json"]["schema"], body) == []

    def errors(self, schema: Json, instance: Any) -> list[str]:
        """What is wrong with the instance."""
        return self._schemas.errors(schema, instance)

    def _check_headers(self, described: Json, sent: Mapping[str, str]) -> None:
        assert {name for name in OWN_HEADERS if name in sent} <= described.keys()
        for name, reference in described.items():
            header = self.document["components"]["headers"][reference["$ref"].rpartition("/")[2]]
            assert name in sent or not header["required"], f"{name} is missing"
            assert name not in sent or self.errors(header["schema"], sent[name]) == []


def pattern(operation: str) -> str:
    """A regular expression for `METHOD path`."""
    return re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation))
