"""BNG's webhooks as a profile has them: is it BNG's, and what does it announce, in BNG's own words.

Every way to prove it is compared in constant time. Only Standard Webhooks have a time in what is signed; a replay of
another one makes the bridge look at a record that did not change, and nothing more.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from bng_bridge.bng.fields import ID_FIELDS, WEBHOOKS
from bng_bridge.bng.pointers import at
from bng_bridge.bng.profile import Profile, Signature
from bng_bridge.bng.profile import Webhooks as Settings
from bng_bridge.bng.wire import Wire
from bridge_common import decimal_json
from bridge_common.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Announcement:
    """A record of `resource` changed. `data` has what is told of it; only a key where `is_enough` is False."""

    kind: str
    resource: str
    data: dict[str, Any] = field(default_factory=dict)
    is_enough: bool = True


class Refused(Exception):
    """Not signed by BNG, or too old."""


class Malformed(Exception):
    """Signed, and of a form that nobody can read."""


class Announcements:
    """Raises ConfigError for a secret that this profile's webhooks cannot have."""

    def __init__(self, profile: Profile, secret: str) -> None:
        self._how = profile.webhooks
        self._wire = Wire(profile)
        self._proof = _proof(self._how, secret)
        self._kinds = [(kind, _pattern(theirs)) for kind, theirs in self._how.kinds.items()]

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """What has to be repeated to whoever asks whether somebody listens here; None for a webhook."""
        return query.get(self._how.handshake) if self._how.handshake else None

    def read(self, headers: Mapping[str, str], raw: bytes) -> list[Announcement]:
        """Raises Refused or Malformed. What the profile does not name is left out: no flow follows it."""
        body = self._proof.verified(headers, raw)
        events = at(body, self._how.events) if self._how.events else [body]
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise Malformed
        return [found for event in events if (found := self._announcement(event)) is not None]

    def _announcement(self, event: dict[str, Any]) -> Announcement | None:
        said, data = str(at(event, self._how.kind)), at(event, self._how.data) or {}
        if not isinstance(data, dict):
            raise Malformed
        kind, record_id = self._kind_of(said)
        resource = WEBHOOKS.get(kind)
        if resource is None:
            return None
        if self._how.content == "key":
            return Announcement(kind, resource, is_enough=False)
        known = {ID_FIELDS[resource]: record_id} if record_id else {}
        return Announcement(kind, resource, self._wire.inward_part(resource, data) | known)

    def _kind_of(self, said: str) -> tuple[str, str]:
        """(BNG's word, the record's id where it stands in the ERP's)."""
        if not self._kinds:
            return said, ""
        for kind, pattern in self._kinds:
            if found := pattern.fullmatch(said):
                return kind, found.groupdict().get("id", "")
        return "", ""


def verifier(secret: str, key: str) -> Webhook:
    """Verifies and signs as Standard Webhooks do. Raises ConfigError for a secret that they do not have."""
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ConfigError(
            f"{key}: not a secret of Standard Webhooks: {error}.",
            hint="It is whsec_ followed by base64, as the other side shows it.",
        ) from error


class _Proof(Protocol):
    def verified(self, headers: Mapping[str, str], raw: bytes) -> Any:
        """The body, read. Raises Refused, or Malformed for what is not JSON."""
        ...


def _proof(how: Settings, secret: str) -> _Proof:
    if how.verify == "standard":
        return _Standard(secret)
    if how.verify == "signature":
        assert how.signature is not None  # held by the profile's own check
        return _Signed(how.signature, secret)
    if how.verify == "key":
        return _Word(how, secret)
    raise ConfigError(
        "bng.webhooks: the profile's ERP has no webhooks.", hint="Set [bng.webhooks] port = 0; the poll finds changes."
    )


class _Standard:
    """Standard Webhooks: id, time and body are signed; several signatures while a secret changes."""

    def __init__(self, secret: str) -> None:
        self._webhook = verifier(secret, "bng.webhooks.secret_file")

    def verified(self, headers: Mapping[str, str], raw: bytes) -> Any:
        try:
            self._webhook.verify(raw, dict(headers), json_parse=False)
        except WebhookVerificationError as error:
            raise Refused(str(error)) from error
        except ValueError as error:
            raise Malformed from error
        return _json(raw)


class _Signed:
    """HMAC-SHA256 over the body, or over the text of one part at its top, exactly as it was sent."""

    def __init__(self, how: Signature, secret: str) -> None:
        self._how = how
        self._part = how.over[1:]
        self._secret = secret.encode()

    def verified(self, headers: Mapping[str, str], raw: bytes) -> Any:
        body = _json(raw)
        signed = self._text_of_part(raw) if self._part else raw
        given = headers.get(self._how.header) if self._how.header else at(body, self._how.field)
        digest = hmac.new(self._secret, signed, hashlib.sha256).digest()
        if not _same(str(given or ""), _encoded(digest, self._how.encoding)):
            raise Refused("the signature is not BNG's")
        # Only what was signed is read: a second part of the same name would stand in its place.
        return {self._part: _json(signed)} if self._part else body

    def _text_of_part(self, raw: bytes) -> bytes:
        try:
            return decimal_json.member_text(raw.decode(), self._part).encode()
        except ValueError as error:
            raise Malformed from error


class _Word:
    """A word that only both sides know, in each event."""

    def __init__(self, how: Settings, secret: str) -> None:
        self._how = how
        self._secret = secret

    def verified(self, headers: Mapping[str, str], raw: bytes) -> Any:
        body = _json(raw)
        events = at(body, self._how.events) if self._how.events else [body]
        if not isinstance(events, list) or not events:
            raise Malformed
        if not all(_same(str(at(event, self._how.key) or ""), self._secret) for event in events):
            raise Refused("the word that proves it is another")
        return body


def _json(raw: bytes) -> Any:
    try:
        return decimal_json.loads(raw.decode())
    except ValueError as error:
        raise Malformed from error


def _encoded(digest: bytes, encoding: str) -> str:
    if encoding == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex().upper() if encoding == "HEX" else digest.hex()


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _pattern(template: str) -> re.Pattern[str]:
    """What a word made by a template of `kinds` looks like."""
    before, has_id, after = template.partition("{id}")
    return re.compile(re.escape(before) + ("(?P<id>[^()/]+)" if has_id else "") + re.escape(after))
