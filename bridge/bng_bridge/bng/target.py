"""BNG as a target: customers and sales orders, by the unique ExternalID where BNG upserts, else by search and POST."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from bng_bridge.bng.client import BngClient
from bng_bridge.bng.records import CANCELLED, PATHS, facts_of, id_of, keep_ahead
from bng_bridge.target import Record, Settled, Write
from bridge_common.errors import OutcomeUnknown, RejectedByTarget
from bridge_common.http import Answer


class BngTarget:
    def __init__(self, client: BngClient) -> None:
        self._client = client
        self._config = client.config

    def guarded(self, entity: str) -> bool:
        """Upsert by ExternalID and If-Match make a repeated or late write harmless; with neither, an intent guards it."""
        return entity in PATHS and self._config.upsert and self._config.idempotency_keys

    def quiet_s(self) -> float:
        return self._config.timeout_s + self._config.execution_limit_s

    def slot(self, write: Write) -> AbstractAsyncContextManager[None]:
        return self._client.throttle.slot(PATHS[write.entity])

    async def find(self, write: Write) -> Record | None:
        """The oldest record with this ExternalID: where it is not unique, every run binds the same one."""
        found = await self._client.search(PATHS[write.entity], external_id=write.reference)
        if write.entity == "cancellation":
            found = [item for item in found if item["OrderStatus"] == CANCELLED]
        if not found:
            return None
        return _record(write.entity, min(found, key=lambda item: (item["CreatedAt"], id_of(write.entity, item))))

    async def create(self, write: Write, body: dict[str, Any], request_id: str) -> Record:
        if write.entity == "cancellation":
            return await self._cancel(write, request_id)
        headers = {"Idempotency-Key": request_id}
        path = PATHS[write.entity]
        if not self._config.upsert:
            answer = await self._client.write("POST", path, body, headers=headers)
            return _record(write.entity, answer.body, answer)
        path = f"{path}/by-external-id/{quote(write.reference, safe='')}"
        answer = await self._client.write("PUT", path, body, headers={**headers, "If-None-Match": "*"}, accept=(412,))
        if answer.status == 412:
            return await self._adopt(write, body, request_id)
        return _record(write.entity, answer.body, answer)

    async def update(self, write: Write, record_id: str, version: str, body: dict[str, Any], request_id: str) -> Record:
        """PATCH under the version we know; when BNG changed the record meanwhile: read, merge, once more.

        Where BNG has no versions to compare, it is read before every PATCH.
        """
        known = None if self.guarded(write.entity) else await self._read(write, record_id)
        for _ in range(3):
            patch = body if known is None else keep_ahead(write.entity, body, known)
            headers = {"Idempotency-Key": request_id} if known is None else {}
            if version:
                headers["If-Match"] = version
            answer = await self._client.write(
                "PATCH", f"{PATHS[write.entity]}/{record_id}", patch, headers=headers, accept=(412,)
            )
            if answer.status != 412:
                return _record(write.entity, answer.body, answer)
            known = await self._read(write, record_id)
            version = _etag(known)
        raise OutcomeUnknown(f"{write.entity} {record_id} changed at BNG during each of three attempts", answered=True)

    async def settled(self, write: Write, request_id: str) -> Settled | None:
        return None

    async def _cancel(self, write: Write, request_id: str) -> Record:
        """Cancelling twice is the same as once. A shipped order is refused by BNG: the goods are out, a person decides."""
        found = await self.find(replace(write, entity="sales_order"))
        if found is None:
            raise RejectedByTarget(
                f"BNG has no sales order {write.reference} to cancel", status=404, problem="absent",
                hint="It was deleted in BNG by hand: bridgectl dlq discard {event} --reason TEXT.",
            )  # fmt: skip
        answer = await self._client.write(
            "POST", f"sales-orders/{found.id}/cancel", {}, headers={"Idempotency-Key": request_id}
        )
        return _record(write.entity, answer.body, answer)

    async def _adopt(self, write: Write, body: dict[str, Any], request_id: str) -> Record:
        """The record exists already: our own earlier write whose answer was lost, or one made by hand."""
        found = await self.find(write)
        if found is None:
            raise OutcomeUnknown(f"BNG says {write.reference} exists, and does not find it", answered=True)
        if write.create_only:
            return replace(found, applied=False)
        return await self.update(write, found.id, found.version, keep_ahead(write.entity, body, found.body), request_id)

    async def _read(self, write: Write, record_id: str) -> dict[str, Any]:
        record = await self._client.get(f"{PATHS[write.entity]}/{record_id}")
        if record is None:
            raise RejectedByTarget(
                f"BNG no longer has {write.entity} {record_id}", status=404, problem="absent",
                hint="It was deleted in BNG by hand. Restore it there, then bridgectl dlq retry {event}; "
                "or bridgectl dlq discard {event} --reason TEXT.",
            )  # fmt: skip
        return record


def _record(entity: str, body: dict[str, Any], answer: Answer | None = None) -> Record:
    etag = answer.etag if answer is not None and answer.etag else _etag(body)
    return Record(id_of(entity, body), etag, body, facts_of(entity, body))


def _etag(body: dict[str, Any]) -> str:
    return f'"{body["Version"]}"' if "Version" in body else ""
