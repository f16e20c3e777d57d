"""One idempotent write: the only way by which anything is written to a target.

lock on the aggregate → open intent? resolve it first → binding, fingerprint; none? look up → mapping → unchanged? skip →
intent where a repetition could do harm → create or update → binding, digest and result in one commit.

On a crash at any point the event is claimed again and this runs again: what was written is found by its reference, what
may still be under way waits for the quiet period, and nothing is written twice.
"""

import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bng_bridge import bindings, intents
from bng_bridge.bindings import Binding
from bng_bridge.intents import Intent
from bng_bridge.locks import Locks
from bng_bridge.store import Store
from bng_bridge.target import Body, Record, Target, Write
from bridge_common.clock import from_text, steady_now, to_text, utc_now
from bridge_common.errors import (
    DependencyMissing,
    Drift,
    NotReady,
    OutcomeUnknown,
    PermanentError,
    QuietPeriod,
    RateLimited,
    RejectedByTarget,
    TargetUnavailable,
)
from bridge_common.log import log

Mapping = Callable[[], Awaitable[dict[str, Any]]]
MADE_BY = "made_by"
"""Fact of what was posted for good: the identity of its mapping."""


@dataclass(frozen=True, slots=True)
class Result:
    """`action`: created, updated, unchanged, or resolved (found after an unknown outcome)."""

    action: str
    binding: Binding


class Deliver:
    def __init__(self, store: Store, targets: Callable[[Write], Target]) -> None:
        self._store = store
        self._target = targets
        self._locks = Locks()
        self._sends_from = datetime.min.replace(tzinfo=UTC)

    def wait_out(self, seconds: float) -> None:
        """The store was restored: writes that it does not know of may be under way for so long. Nothing that could happen
        twice is sent before their end; after it a look-up finds them."""
        self._sends_from = max(self._sends_from, steady_now() + timedelta(seconds=seconds))

    async def save(self, operation: Callable[[sqlite3.Connection], None]) -> None:
        """What has to be on disk before a write is sent, and is no intent."""
        await self._store.write(operation)

    async def __call__(self, seq: int, write: Write, mapping: Mapping) -> Result:
        """Bring the target to what `mapping` gives; it is called inside the lock, so that it reads the newest state.

        Raises what the target raises, QuietPeriod while an unknown outcome waits, IdentityChanged when the source record
        behind a binding is another one, MappingError from the mapping.
        """
        async with self._locks(write.lock_key), self._locks.all(write.also_locks):
            try:
                return await self._apply(seq, write, mapping)
            except RejectedByTarget as error:
                # An order's flow writes customers, too: which of them was refused belongs to the cause.
                error.entity = error.entity or write.entity
                raise

    async def _apply(self, seq: int, write: Write, mapping: Mapping) -> Result:
        target = self._target(write)
        await self._resolve(seq, write, target)
        binding = bindings.get(self._store.read, write.target_key)
        if binding is not None:
            bindings.check_fingerprint(write.target_key, binding.fingerprint, write.fingerprint)
        if binding is None or (write.instead_of and binding.target_id == write.instead_of):
            return await self._create(seq, write, target, mapping)
        if write.create_only:
            if write.is_immutable:
                await _check_drift(write, binding, mapping)
            return Result("unchanged", binding)
        return await self._update(seq, write, target, binding, await mapping())

    async def _resolve(self, seq: int, write: Write, target: Target) -> None:
        """An open intent is settled before anything else is written there: found, known, or waited for."""
        intent = intents.get(self._store.read, write.target_key)
        if intent is None:
            return
        bindings.check_fingerprint(write.target_key, intent.fingerprint, write.fingerprint)
        known = await target.settled(write, intent.request_id)
        bound = bindings.get(self._store.read, write.target_key) is not None
        if not bound and not write.absolute and (known is None or known.executed):
            found = await target.find(write)
            if found is not None:
                await self._settle_step(seq, write, found, intent.digest, "resolved", intent.mapping)
                log("resolved", event=seq, target_key=write.target_key, target_id=found.id)
                return
        if known is None or (known.executed and not write.absolute):
            _check_quiet(intent, steady_now())
        await self._store.write(lambda db: _drop(db, write.target_key))

    async def _create(self, seq: int, write: Write, target: Target, mapping: Mapping) -> Result:
        # Looked up before it is mapped: after a restore, what was shipped long ago can no longer be mapped.
        if (found := await _found(write, target)) is not None:
            settled = await self._settle_step(seq, write, found, "", "resolved")
            if write.create_only:
                return settled
            return await self._update(seq, write, target, settled.binding, await mapping())
        body = await mapping()
        digest = bindings.digest_of(body)
        record = await self._send(
            seq,
            write,
            target,
            body,
            _idempotency_key(write, digest, write.instead_of),
            lambda request_id: target.create(write, body, request_id),
        )
        if not record.applied:
            return await self._settle_step(seq, write, record, "", "resolved")
        return await self._settle_step(seq, write, record, digest, "created", write.mapping, merged=body)

    async def _update(self, seq: int, write: Write, target: Target, binding: Binding, body: dict[str, Any]) -> Result:
        digest = bindings.digest_of(body)
        is_known = digest == binding.digest if write.merge is None else write.merge.is_echo(body)
        if binding.digest and is_known and not write.moves:
            log("unchanged", level=10, event=seq, target_key=write.target_key)
            return Result("unchanged", await self._remember(write, binding))
        record = await self._send(
            seq,
            write,
            target,
            body,
            _idempotency_key(write, digest, binding.version),
            lambda request_id: target.update(write, binding.target_id, binding.version, body, request_id),
        )
        action = "updated" if record.applied else "unchanged"
        return await self._settle_step(seq, write, record, digest, action, write.mapping, merged=body)

    async def _remember(self, write: Write, binding: Binding) -> Binding:
        """Nothing had to be written, and yet the source's record may be a newer one."""
        newer = replace(binding, facts={**binding.facts, **write.facts})
        if newer != binding:
            await self._store.write(lambda db: bindings.put(db, newer, to_text(utc_now())))
        return newer

    async def _send(
        self,
        seq: int,
        write: Write,
        target: Target,
        body: dict[str, Any],
        key: str,
        call: Callable[[str], Awaitable[Record]],
    ) -> Record:
        is_guarded = target.guarded(write.entity)
        if not is_guarded:
            self._check_waited_out(write)
        # The slot first: the quiet period counts from sending, not from a place in the queue.
        async with target.slot(write):
            if is_guarded:
                return await call(key)
            # The store may have been restored while this one was waiting.
            self._check_waited_out(write)
            request_id = str(uuid.uuid4())
            digest = bindings.digest_of(body)
            quiet_until = to_text(steady_now() + timedelta(seconds=target.quiet_s()))
            intent = Intent(
                write.target_key, seq, write.target, write.entity, body, digest, request_id, quiet_until,
                fingerprint=write.fingerprint, mapping=write.mapping,
            )  # fmt: skip
            await self._store.write(lambda db: intents.open_intent(db, intent, to_text(utc_now())))
            try:
                return await call(request_id)
            except OutcomeUnknown as error:
                # Some writes are several calls, the last of them sent long after the intent: from now on nothing is.
                until = to_text(steady_now() + timedelta(seconds=target.quiet_s()))
                await self._store.write(lambda db: intents.keep_quiet(db, write.target_key, until))
                log("outcome_unknown", event=seq, target_key=write.target_key, error=error.message)
                raise
            except (TargetUnavailable, RateLimited, NotReady, PermanentError):
                # The call that failed was not carried out; of a write that is several, one before it may have been.
                await self._store.write(lambda db: _drop(db, write.target_key))
                raise

    def _check_waited_out(self, write: Write) -> None:
        left_s = (self._sends_from - steady_now()).total_seconds()
        if left_s > 0:
            raise QuietPeriod(
                f"the store was restored; a write to {write.target_key} of before may be under way "
                f"until {to_text(self._sends_from)}",
                delay_s=min(left_s + 0.05, 5.0),
            )

    async def _settle_step(
        self,
        seq: int,
        write: Write,
        record: Record,
        digest: str,
        action: str,
        mapping: str = "",
        *,
        merged: Body | None = None,
    ) -> Result:
        """Binding, digest and result, and the end of the intent, in one commit before the next write.

        `mapping` is what gave the body that is at the target; '' for a record that was there. `merged` is that body, where
        the record was brought to it.
        """
        facts = {**record.facts, MADE_BY: mapping} if write.is_immutable else record.facts
        binding = Binding(
            write.target_key, write.site, write.target, write.entity, record.id, write.fingerprint, digest,
            record.version, {**facts, **write.facts},
        )  # fmt: skip
        now = to_text(utc_now())

        def commit(db: sqlite3.Connection) -> None:
            if write.adopts:
                _check_free(db, write, record)
            bindings.put(db, binding, now)
            intents.close(db, write.target_key)
            for key in write.invalidates:
                bindings.forget_digest(db, key)
            bindings.add_step(db, seq, write.target_key, action, record.id, now, mapping)
            if write.merge is not None and merged is not None:
                write.merge.keep(db, merged, record.body, now)

        await self._store.write(commit)
        log("written", event=seq, target_key=write.target_key, result=action, target_id=record.id)
        return Result(action, binding)


async def _found(write: Write, target: Target) -> Record | None:
    """What is there without a binding: the record that it adopts, or one by its name.

    That is asked for where a create could happen twice, or could write over what the other side has edited.
    """
    if write.adopts:
        return Record(write.adopts)
    is_safe = target.guarded(write.entity) and write.merge is None
    return None if is_safe else await target.find(write)


def _check_free(db: sqlite3.Connection, write: Write, record: Record) -> None:
    """Two of the source's records may have found the same one at the same moment. Raises DependencyMissing for the second,
    before anything of it is written: it is matched anew."""
    bound = bindings.by_target(db, write.target, write.entity, record.id)
    if bound is not None and bound.target_key != write.target_key:
        raise DependencyMissing(f"{write.entity} {record.id} was taken for {bound.target_key} meanwhile", delay_s=1)


def _idempotency_key(write: Write, digest: str, version: str) -> str:
    """Same content from the same state, same key: a hold that comes a second time is another request than the first.

    So is making a record anew that the target has lost: the first request's answer would name the lost one.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{write.target_key}#{digest}#{version}"))


async def _check_drift(write: Write, binding: Binding, mapping: Mapping) -> None:
    """What was posted stays as it is; that its source says otherwise by now is for a person. Raises Drift.

    Of a record that was found, not made, it is not known what it was made from; and another mapping makes another body of
    the same source.
    """
    if (
        binding.digest
        and binding.facts.get(MADE_BY) == write.mapping
        and bindings.digest_of(await mapping()) != binding.digest
    ):
        raise Drift(
            f"{write.entity} {binding.target_id} of {write.target_key} should be otherwise by now, and is never changed",
            hint=f"Compare both; correct it at BNG by a reversal, then bridgectl dlq discard {{event}} --reason TEXT. "
            f"Its ExternalID is {write.reference}.",
        )


def _drop(db: sqlite3.Connection, target_key: str) -> None:
    """The attempt is over, its effect not certain: forget the digest, so that the next apply writes."""
    intents.close(db, target_key)
    bindings.forget_digest(db, target_key)


def _check_quiet(intent: Intent, now: datetime) -> None:
    left_s = (from_text(intent.quiet_until) - now).total_seconds()
    if left_s > 0:
        raise QuietPeriod(
            f"the outcome of a write to {intent.target_key} is unknown; it is looked up until {intent.quiet_until}",
            delay_s=min(left_s + 0.05, 5.0),
        )
