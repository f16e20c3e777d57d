"""What `deliver` needs of a system it writes to. Held by one conformance suite over both real targets."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Write:
    """One idempotent write, as a flow asks for it.

    `target_key` names what is written, for ever: site/entity/source id/step. `lock_key` names the aggregate at the target
    that has one writer at a time. `reference` is what the target can be searched by. `fingerprint` are facts of the source
    record that never change. `create_only`: written once, never updated. `absolute`: sets values of a record that exists
    without us, so finding it proves nothing about an earlier write. `invalidates`: target keys whose record this write
    changes as a side effect. `is_immutable`: one of `create_only` of which a difference to what it should be is told, for a
    person to correct. `instead_of`: an id that the target no longer takes; a binding to it counts for nothing, the
    record is looked up and made anew. `mapping` is the identity of the file that gives the body, a mapping or else the
    flow: it is noted with what was written, and nothing depends on it.
    """

    target: str
    entity: str
    site: str
    target_key: str
    lock_key: str
    reference: str
    fingerprint: str = ""
    create_only: bool = False
    absolute: bool = False
    invalidates: tuple[str, ...] = ()
    instead_of: str = ""
    mapping: str = ""
    is_immutable: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """What the target holds. `facts` go into the binding; `body` is the record as read, for a merge.

    `applied` False: it was there, and a write that is made once only left it as it was.
    """

    id: str
    version: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    applied: bool = True


class Target(Protocol):
    """Errors raised: TargetUnavailable, RateLimited (not executed), OutcomeUnknown, RejectedByTarget, NotReady."""

    def guarded(self, entity: str) -> bool:
        """True when a repeated or late write of this entity cannot do harm: a unique key or a version protects it."""
        ...

    def quiet_s(self) -> float:
        """Seconds after sending until an unanswered write can no longer be executed."""
        ...

    def slot(self, write: Write) -> AbstractAsyncContextManager[None]:
        """The turn of one create or update; waits for rate and concurrency. Raises TargetPaused when it is closed."""
        ...

    async def find(self, write: Write) -> Record | None:
        """Look the record up by its reference. Raises DependencyMissing where it cannot be made yet."""
        ...

    async def create(self, write: Write, body: dict[str, Any], request_id: str) -> Record:
        """Create, or upsert by the unique key. `request_id` is the idempotency key: same id, same body, one effect."""
        ...

    async def update(self, write: Write, record_id: str, version: str, body: dict[str, Any], request_id: str) -> Record:
        """Bring the record to `body`. Moves nothing backwards that the target owns."""
        ...

    async def settled(self, write: Write, request_id: str) -> "Settled | None":
        """What the path to the target knows of an unanswered request; None when it cannot know."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """`executed` False: certainly not, and never will be. True: it was; look the record up."""

    executed: bool
