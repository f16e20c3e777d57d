"""BNG as a target: by the unique ExternalID where BNG upserts, else by search and POST."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from bng_bridge.bng.client import BngClient, Stored, Written
from bng_bridge.bng.records import CANCELLED, POSTED, RESOURCE_OF, facts_of, id_of, keep_ahead, settable
from bng_bridge.bng.wire import Record as Body
from bng_bridge.target import Record, Settled, Write
from bridge_common.errors import BridgeError, OutcomeUnknown, RejectedByTarget

DONE_BEFORE = "done-before"
CHANGED = ("precondition-failed", "version-required")
EXISTS = ("precondition-failed", "duplicate-external-id")


class BngTarget:
    def __init__(self, client: BngClient) -> None:
        self._client = client
        self._config = client.config
        self._profile = client.profile

    def guarded(self, entity: str) -> bool:
        """Upsert by ExternalID and versions make a repeated or late write harmless; with neither, an intent guards it.

        What is posted and never changed needs no version.
        """
        if entity in POSTED:
            return self._profile.external_id.unique
        return entity in RESOURCE_OF and self._profile.guards

    def quiet_s(self) -> float:
        return self._config.timeout_s + self._config.execution_limit_s

    def slot(self, write: Write) -> AbstractAsyncContextManager[None]:
        return self._client.throttle.slot(RESOURCE_OF[write.entity])

    async def find(self, write: Write) -> Record | None:
        """The oldest record with this ExternalID: where it is not unique, every run binds the same one."""
        found = await self._look_up(write)
        if write.entity == "cancellation":
            found = [each for each in found if each.body["OrderStatus"] == CANCELLED]
        if not found:
            return None
        return _record(write, min(found, key=lambda each: (each.body["CreatedAt"], id_of(write.entity, each.body))))

    async def create(self, write: Write, body: Body, request_id: str) -> Record:
        if write.entity == "cancellation":
            return await self._cancel(write, request_id)
        resource, accept = RESOURCE_OF[write.entity], (DONE_BEFORE, *EXISTS)
        if self._profile.create == "post" or write.entity in POSTED:
            written = await self._client.create(resource, body, request_id, accept=accept)
        else:
            written = await self._client.put(resource, write.reference, body, request_id, accept=accept)
        if written.problem in EXISTS:
            return await self._adopt(write, body, request_id, written)
        return await self._made(write, written, sent=body)

    async def update(self, write: Write, record_id: str, version: str, body: Body, request_id: str) -> Record:
        """Change it under the version we know; when BNG changed the record meanwhile: read, merge, once more.

        Where BNG has no versions to compare, it is read before every change.
        """
        resource, accept = RESOURCE_OF[write.entity], (DONE_BEFORE, *CHANGED)
        known = None if version and self._is_enough and not write.merge else await self._read(write, record_id)
        key = request_id if known is None or not self._profile.guards else ""
        for _ in range(3):
            fields = body if known is None else await self._merged(write, body, known)
            if known is not None and write.merge is not None and not fields:
                return replace(_record(write, known), applied=False)
            under = version if known is None else known.version
            written = await self._client.change(resource, record_id, fields, under, key, accept=accept)
            if written.problem not in CHANGED:
                return await self._made(write, written, record_id, sent=body)
            # Merged anew it is another request than the one that the key stands for.
            known, key = await self._read(write, record_id), ""
        raise OutcomeUnknown(f"{write.entity} {record_id} changed at BNG during each of three attempts", answered=True)

    async def settled(self, write: Write, request_id: str) -> Settled | None:
        return None

    @property
    def _is_enough(self) -> bool:
        """A version and the changed fields are all that an update needs."""
        return self._profile.concurrency.check != "none" and self._profile.update.sends == "changes"

    async def _merged(self, write: Write, body: Body, known: Stored) -> Body:
        if write.merge is None:
            fields = keep_ahead(write.entity, body, known.body)
        elif not (fields := await write.merge.over(body, known.body)):
            return {}
        return fields if self._profile.update.sends == "changes" else {**settable(write.entity, known.body), **fields}

    async def _look_up(self, write: Write) -> list[Stored]:
        resource = RESOURCE_OF[write.entity]
        if self._profile.external_id.look_up == "path":
            found = await self._client.read_by_external_id(resource, write.reference)
            return [] if found is None else [found]
        return [each async for each in self._client.stored(resource, external_id=write.reference)]

    async def _cancel(self, write: Write, request_id: str) -> Record:
        """Cancelling twice is the same as once. A shipped order is refused by BNG: the goods are out, a person decides."""
        order = replace(write, entity="sales_order")
        found = await self.find(order)
        if found is None:
            raise RejectedByTarget(
                f"BNG has no sales order {write.reference} to cancel", status=404, problem="absent",
                hint="It was deleted in BNG by hand: bridgectl dlq discard {event} --reason TEXT.",
            )  # fmt: skip
        if self._profile.cancel == "status":
            changed = await self.update(order, found.id, found.version, {"OrderStatus": CANCELLED}, request_id)
            return _record(write, Stored(changed.body, changed.version))
        written = await self._client.cancel(found.id, request_id, accept=(DONE_BEFORE,))
        return await self._made(write, written, found.id)

    async def _adopt(self, write: Write, body: Body, request_id: str, refused: Written) -> Record:
        """The record exists already: our own earlier write whose answer was lost, or one made by hand."""
        found = await self.find(write)
        if found is None and refused.problem == "duplicate-external-id":
            raise RejectedByTarget(
                f"BNG says that {write.entity} {write.reference} exists, and does not find it by that",
                status=refused.status, problem=refused.problem,
                hint="Another field has to be unique there, too. Correct it in BNG, then bridgectl dlq retry {event}.",
            )  # fmt: skip
        if found is None:
            raise OutcomeUnknown(f"BNG says {write.reference} exists, and does not find it", answered=True)
        if write.create_only:
            return replace(found, applied=False)
        kept = body if write.merge is not None else keep_ahead(write.entity, body, found.body)
        return await self.update(write, found.id, found.version, kept, "")

    async def _made(self, write: Write, written: Written, record_id: str = "", *, sent: Body | None = None) -> Record:
        """The record as it is after a write: from its answer, or read where the answer has none.

        Raises OutcomeUnknown when that read fails: the write is done, and must not count as one that was not executed.
        """
        if written.stored is not None:
            return _record(write, written.stored, sent)
        known_id = record_id or written.record_id
        try:
            found = await self.find(write) if not known_id else _record(write, await self._read(write, known_id), sent)
        except BridgeError as error:
            raise OutcomeUnknown(f"written, and then not read: {error.message}", answered=True) from error
        if found is None:
            raise OutcomeUnknown(f"BNG says that {write.reference} is written, and does not find it", answered=True)
        return found

    async def _read(self, write: Write, record_id: str) -> Stored:
        record = await self._client.read(RESOURCE_OF[write.entity], record_id)
        if record is None:
            raise RejectedByTarget(
                f"BNG no longer has {write.entity} {record_id}", status=404, problem="absent",
                hint="It was deleted in BNG by hand. Restore it there, then bridgectl dlq retry {event}; "
                "or bridgectl dlq discard {event} --reason TEXT.",
            )  # fmt: skip
        return record


def _record(write: Write, stored: Stored, sent: Body | None = None) -> Record:
    facts = facts_of(write.entity, stored.body, sent or {})
    return Record(id_of(write.entity, stored.body), stored.version, stored.body, facts)
