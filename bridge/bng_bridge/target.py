"""What `deliver` needs of a system it writes to. Held by one conformance suite over both real targets."""

import sqlite3
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

Body = dict[str, Any]


class Merge(Protocol):
    """What a write of a record that both sides edit comes to, once the record is known. One for each write; see merging/."""

    def is_echo(self, body: Body) -> bool:
        """Whether `body` shows nothing but what both sides had in common the last time: then nobody need be asked."""
        ...

    async def over(self, body: Body, known: Body) -> Body:
        """What is to be written over a record that looks so; empty where nothing is. The last call counts.

        What is lost by it is on record when this returns: after the write it stands nowhere.
        """
        ...

    def keep(self, db: sqlite3.Connection, body: Body, written: Body, now: str) -> None:
        """In the commit that settles the write: the common state, `written` being how the record looks now."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """One idempotent write, as a flow asks for it.

    `target_key` names what is written, for ever: site/entity/source id/step. `lock_key` names the aggregate at the target
    that has one writer at a time. `reference` is what the target can be searched by. `fingerprint` are facts of the source
    record that never change. `create_only`: written once, never updated. `absolute`: sets values of a record that exists
    without us, so finding it proves nothing about an earlier write. `moves`: the target changes its values by itself, so
    having written them is no reason not to write them again. `is_immutable`: one of `create_only` of which a difference to
    what it should be is told, for a person to correct. `invalidates`: target keys whose record this write changes as a side
    effect; `also_locks`: the lock keys of such records, of which none is written meanwhile. `instead_of`: an id that the
    target no longer takes; a binding to it counts for nothing, the record is looked up and made anew. `mapping` is the
    identity of the file that gives the body, a mapping or else the flow: it is noted with what was written, and nothing
    depends on it. `facts` is filled while the body is made: what the binding remembers of the source's record, beside the
    target's own facts. `adopts`: the id of a record at the target that is this one under another name. `merge`: both sides
    edit the record.
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
    moves: bool = False
    invalidates: tuple[str, ...] = ()
    also_locks: tuple[str, ...] = ()
    instead_of: str = ""
    mapping: str = ""
    adopts: str = ""
    merge: Merge | None = None
    is_immutable: bool = False
    facts: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Record:
    """What the target holds. `facts` go into the binding; `body` is the record as read, for a merge.

    `applied` False: it was there, and was left as it was: the write is made once only, or there was nothing to change.
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
