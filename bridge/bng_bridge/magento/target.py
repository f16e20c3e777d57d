"""A Magento site as a target: what orders make and their status, stock, customers, products."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from bng_bridge.magento import customers, order_documents, order_status, products
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.endpoints import of_entity
from bng_bridge.magento.source_items import SourceItems
from bng_bridge.magento.stock_items import StockItems
from bng_bridge.target import Record, Settled, Write


class MagentoTarget:
    def __init__(self, client: MagentoClient) -> None:
        self._client = client
        self._source_items = SourceItems(client)
        self._stock_items = StockItems(client)

    def guarded(self, entity: str) -> bool:
        """Nothing in Magento's API is: partial shipments are duplicated, a late stock write overwrites a newer one."""
        return False

    def quiet_s(self) -> float:
        return self._client.config.timeout_s + self._client.config.execution_limit_s

    def slot(self, write: Write) -> AbstractAsyncContextManager[None]:
        if write.entity == "source_item":
            return self._source_items.place(write.reference)
        if write.entity == "stock_item":
            return self._stock_items.slot()
        return self._client.throttle.slot(of_entity(write.entity))

    async def find(self, write: Write) -> Record | None:
        if write.entity in order_documents.KINDS:
            return await order_documents.find(self._client, write)
        if write.entity == "order_status":
            return await order_status.find_comment(self._client, write)
        if write.entity == "stock_item":
            return await self._stock_items.find(write.reference)
        if write.entity == "shop_customer":
            return await customers.find(self._client, write.reference)
        if write.entity == "product":
            return await products.find(self._client, write)
        return await self._find_source_item(write)

    async def create(self, write: Write, body: dict[str, Any], request_id: str) -> Record:
        if write.entity in order_documents.KINDS:
            return await order_documents.create(self._client, write, body, request_id)
        if write.entity == "order_status":
            return await order_status.tell_status(self._client, write, int(body["OrderStatus"]), request_id)
        if write.entity == "stock_item":
            return await self._stock_items.create(write)
        if write.entity == "shop_customer":
            # It was not found: nothing is made in a shop that nobody asked for.
            return await customers.amend(self._client, write, write.reference, body, request_id)
        if write.entity == "product":
            return await products.create(self._client, write, body, request_id)
        return await self._set_quantity(write, body, request_id)

    async def update(self, write: Write, record_id: str, version: str, body: dict[str, Any], request_id: str) -> Record:
        if write.entity == "order_status":
            return await order_status.tell_status(self._client, write, int(body["OrderStatus"]), request_id)
        if write.entity == "stock_item":
            return await self._stock_items.update(write, record_id, body, request_id)
        if write.entity == "shop_customer":
            return await customers.amend(self._client, write, record_id, body, request_id)
        if write.entity == "product":
            return await products.update(self._client, write, record_id, body, request_id)
        return await self._set_quantity(write, body, request_id)

    async def settled(self, write: Write, request_id: str) -> Settled | None:
        """The agent's own record of the request, before anything is looked up: of the shop it says nothing.

        `unknown` is no proof while the request may still lie at the broker: the quiet period, which is longer than the
        request's expiry, decides then.
        """
        async with self._client.throttle.beside():
            state = await self._client.transport.state_of(self._source_items.sent_as(request_id))
        if state is None or state.state in ("unknown", "interrupted", "running"):
            return None
        answer = state.answer or {}
        if state.state == "failed":
            is_unsent = answer.get("kind") == "unsent" or answer.get("state") == "refused"
            return Settled(executed=False) if is_unsent else None
        status = int(answer.get("status", 500))
        return None if status >= 500 else Settled(executed=status < 400)

    async def _find_source_item(self, write: Write) -> Record | None:
        sku, source_code = split_source_reference(write.reference)
        found = await self._client.search("/V1/inventory/source-items", sku=sku, source_code=source_code)
        return Record(write.reference, body=found[0]) if found else None

    async def _set_quantity(self, write: Write, body: dict[str, Any], request_id: str) -> Record:
        await self._source_items.write(write.reference, body, request_id)
        return Record(write.reference, facts={"quantity": body["quantity"]})


def source_reference(sku: str, source_code: str) -> str:
    return f"{source_code}|{sku}"


def split_source_reference(reference: str) -> tuple[str, str]:
    """(sku, source_code)"""
    source_code, _, sku = reference.partition("|")
    return sku, source_code
