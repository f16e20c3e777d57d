"""The REST API's routes: /rest/V1/... and /rest/{store}/V1/..., bearer token, Magento's answers and errors."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bridge_sandbox.shop.access import ANONYMOUS
from bridge_sandbox.shop.calls import Call, customer, entity, origin, product, read_body, sku, whole_body
from bridge_sandbox.shop.comments import add_comment, list_comments
from bridge_sandbox.shop.criteria import project, read_criteria, read_fields
from bridge_sandbox.shop.customers import (
    change_customer,
    create_customer,
    customer_documents,
    delete_customer,
    get_customer,
)
from bridge_sandbox.shop.directory import country_document
from bridge_sandbox.shop.document_comments import COMMENT_ADDERS, COMMENT_LISTS
from bridge_sandbox.shop.documents import Document, order_documents, order_item_documents
from bridge_sandbox.shop.errors import MagentoError, no_such_entity
from bridge_sandbox.shop.invoicing import capture_invoice, post_invoice
from bridge_sandbox.shop.orders import (
    cancel_order,
    hold_order,
    order_status,
    unhold_order,
    upsert_order,
)
from bridge_sandbox.shop.products import get_product, post_product, product_documents, put_product
from bridge_sandbox.shop.refunding import refund_bare, refund_invoice, refund_order
from bridge_sandbox.shop.rendering import respond
from bridge_sandbox.shop.sales_documents import CREDIT_MEMOS, INVOICES
from bridge_sandbox.shop.search import Searchable, search
from bridge_sandbox.shop.session import Session
from bridge_sandbox.shop.shipments import get_shipment, shipment_documents
from bridge_sandbox.shop.shipping import add_track, ship_order
from bridge_sandbox.shop.shop import Shop
from bridge_sandbox.shop.source_items import get_salable_quantity, save_source_items, source_item_documents
from bridge_sandbox.shop.stock_items import get_stock_item, put_stock_item
from bridge_sandbox.shop.stores import store_configs
from bridge_sandbox.shop.transactions import get_transaction, transaction_documents

ORDERS = Searchable("sales_order", "entity_id", order_documents)
ORDER_ITEMS = Searchable("sales_order_item", "item_id", order_item_documents)
INVOICE_LIST = Searchable("sales_invoice", "entity_id", INVOICES.documents)
CREDIT_MEMO_LIST = Searchable("sales_creditmemo", "entity_id", CREDIT_MEMOS.documents)
TRANSACTIONS = Searchable("sales_payment_transaction", "transaction_id", transaction_documents)
SHIPMENTS = Searchable("sales_shipment", "entity_id", shipment_documents)
CUSTOMERS = Searchable("customer_entity", "entity_id", customer_documents)
PRODUCTS = Searchable("catalog_product_entity", "entity_id", product_documents)
SOURCE_ITEMS = Searchable("inventory_source_item", "source_item_id", source_item_documents)


Answer = Callable[[Call], Awaitable[Any]]
Reader = Callable[[Call], Any]
Route = tuple[str, str, str, Answer]


class Rest:
    """The API of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def routes(self) -> list[web.RouteDef]:
        """Every route twice, without and with a store code; those of modules that the shop does not have are left out."""
        return [
            web.route(method, f"{root}/V1/{path}", self._guarded(answer, resource))
            for method, path, resource, answer in self.table()
            if self._shop.database.settings.has_sources or not path.startswith("inventory/")
            for root in ("/rest", "/rest/{store}")
        ]

    def table(self) -> list[Route]:
        """Method, path below V1, the resource that a caller needs, and what answers."""
        return [
            *self._order_routes(),
            *self._money_routes(),
            *self._shipment_routes(),
            *self._customer_routes(),
            *self._goods_routes(),
            *self._store_routes(),
        ]

    def _order_routes(self) -> list[Route]:
        view, comment = "Magento_Sales::actions_view", "Magento_Sales::comment"
        return [
            ("GET", "orders", view, self._search(ORDERS)),
            ("GET", "orders/items", view, self._search(ORDER_ITEMS)),
            ("POST", "orders", "Magento_Sales::create", self._run(upsert_order, entity)),
            ("GET", "orders/{id}", view, self._run(get_order, Call.number)),
            ("GET", "orders/{id}/statuses", view, self._run(order_status, Call.number)),
            ("GET", "orders/{id}/comments", view, self._run(list_comments, Call.number)),
            ("POST", "orders/{id}/comments", comment, self._run(add_comment, Call.number, whole_body)),
            ("POST", "orders/{id}/cancel", "Magento_Sales::cancel", self._run(cancel_order, Call.number)),
            ("POST", "orders/{id}/hold", "Magento_Sales::hold", self._run(hold_order, Call.number)),
            ("POST", "orders/{id}/unhold", "Magento_Sales::unhold", self._run(unhold_order, Call.number)),
        ]

    def _money_routes(self) -> list[Route]:
        invoice, memo, fetch = (
            f"Magento_Sales::{name}" for name in ("sales_invoice", "sales_creditmemo", "transactions_fetch")
        )
        post_comment, get_comments = COMMENT_ADDERS["invoice"], COMMENT_LISTS["invoice"]
        return [
            ("POST", "order/{id}/invoice", "Magento_Sales::invoice", self._run(post_invoice, Call.number, whole_body)),
            ("GET", "invoices", invoice, self._search(INVOICE_LIST)),
            ("POST", "invoices/comments", invoice, self._run(post_comment, whole_body)),
            ("GET", "invoices/{id}", invoice, self._run(INVOICES.by_id, Call.number)),
            ("GET", "invoices/{id}/comments", invoice, self._run(get_comments, Call.number)),
            ("POST", "invoices/{id}/capture", invoice, self._run(capture_invoice, Call.number)),
            (
                "POST",
                "order/{id}/refund",
                "Magento_Sales::creditmemo",
                self._run(refund_order, Call.number, whole_body),
            ),
            ("POST", "invoice/{id}/refund", invoice, self._run(refund_invoice, Call.number, whole_body)),
            ("POST", "creditmemo/refund", memo, self._run(refund_bare, whole_body)),
            ("GET", "creditmemos", memo, self._search(CREDIT_MEMO_LIST)),
            ("GET", "creditmemo/{id}", memo, self._run(CREDIT_MEMOS.by_id, Call.number)),
            ("GET", "creditmemo/{id}/comments", memo, self._run(COMMENT_LISTS["creditmemo"], Call.number)),
            (
                "POST",
                "creditmemo/{id}/comments",
                memo,
                self._run(COMMENT_ADDERS["creditmemo"], whole_body, Call.number),
            ),
            ("GET", "transactions", fetch, self._search(TRANSACTIONS)),
            ("GET", "transactions/{id}", fetch, self._run(get_transaction, Call.number)),
        ]

    def _shipment_routes(self) -> list[Route]:
        ship = "Magento_Sales::ship"
        return [
            ("POST", "order/{id}/ship", ship, self._run(ship_order, Call.number, whole_body)),
            ("GET", "shipments", "Magento_Sales::shipment", self._search(SHIPMENTS)),
            ("POST", "shipment/track", "Magento_Sales::shipment", self._run(add_track, whole_body)),
            ("GET", "shipment/{id}", "Magento_Sales::shipment", self._run(get_shipment, Call.number)),
        ]

    def _customer_routes(self) -> list[Route]:
        manage = "Magento_Customer::manage"
        return [
            ("GET", "customers/search", "Magento_Customer::customer", self._search(CUSTOMERS)),
            ("POST", "customers", ANONYMOUS, self._save_customer(create_customer, customer)),
            ("GET", "customers/{id}", "Magento_Customer::customer", self._run(get_customer, Call.number)),
            ("PUT", "customers/{id}", manage, self._save_customer(change_customer, Call.number, customer)),
            ("DELETE", "customers/{id}", "Magento_Customer::delete", self._run(delete_customer, Call.number)),
        ]

    def _goods_routes(self) -> list[Route]:
        products, stock = "Magento_Catalog::products", "Magento_Catalog::catalog_inventory"
        return [
            ("GET", "products", products, self._search(PRODUCTS)),
            ("GET", "products/{sku}", products, self._run(get_product, sku)),
            ("POST", "products", products, self._save_product(post_product, product)),
            ("PUT", "products/{sku}", products, self._save_product(put_product, sku, product)),
            ("GET", "stockItems/{sku}", stock, self._run(get_stock_item, sku)),
            ("PUT", "products/{sku}/stockItems/{item_id}", stock, self._save_stock_item),
            *self._source_routes(),
        ]

    def _source_routes(self) -> list[Route]:
        """Those of the modules of Multi-Source Inventory."""
        assign = "Magento_InventoryApi::stock_source_item_assign"
        salable = "inventory/get-product-salable-quantity/{sku}/{stock_id}"
        return [
            ("GET", "inventory/source-items", "Magento_InventoryApi::source", self._search(SOURCE_ITEMS)),
            ("POST", "inventory/source-items", assign, self._save_source_items),
            (
                "GET",
                salable,
                "Magento_InventorySalesApi::stock",
                self._run(get_salable_quantity, sku, lambda call: call.number("stock_id")),
            ),
        ]

    def _store_routes(self) -> list[Route]:
        return [
            ("GET", "store/storeConfigs", "Magento_Backend::store", self._run(store_configs, origin)),
            ("GET", "directory/countries/{code}", ANONYMOUS, self._country),
            ("POST", "integration/admin/token", ANONYMOUS, self._admin_token),
        ]

    def _guarded(self, answer: Answer, resource: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            store = request.match_info.get("store", "all")
            if store != "all" and store not in await self._shop.stores():
                raise MagentoError(400, "Specified request cannot be processed.")
            self._shop.access.check(request, resource)
            body = await answer(Call(request, await read_body(request)))
            if fields := request.query.get("fields"):
                body = project(body, read_fields(fields))
            return respond(request, body)

        return handle

    def _run(self, work: Callable[..., Any], *readers: Reader) -> Answer:
        async def answer(call: Call) -> Any:
            return await self._shop.database.run(work, *(read(call) for read in readers))

        return answer

    def _save_customer(self, work: Callable[..., Document], *readers: Reader) -> Answer:
        save = self._run(work, *readers)

        async def answer(call: Call) -> Document:
            return self._shop.customer_saved(await save(call))

        return answer

    def _save_product(self, work: Callable[..., Document], *readers: Reader) -> Answer:
        save = self._run(work, *readers)

        async def answer(call: Call) -> Document:
            document: Document = await save(call)
            self._shop.forget_goods()
            return document

        return answer

    def _search(self, what: Searchable) -> Answer:
        async def answer(call: Call) -> Any:
            return await self._shop.database.run(search, what, read_criteria(call.request.query.items()))

        return answer

    async def _save_source_items(self, call: Call) -> list[Any]:
        self._shop.stock_writes += await self._shop.database.run(save_source_items, call.body)
        return []

    async def _save_stock_item(self, call: Call) -> int:
        item_id, changed = await self._shop.database.run(put_stock_item, sku(call), call.part("stockItem"))
        self._shop.stock_writes += changed
        return item_id

    async def _country(self, call: Call) -> Document:
        document = country_document(call.request.match_info["code"])
        if document is None:
            raise MagentoError(404, "The country isn't available.")
        return document

    async def _admin_token(self, call: Call) -> str:
        return self._shop.access.log_in(call.body)


def get_order(session: Session, order_id: int) -> Document:
    """One order; raises the 404."""
    found = order_documents(session, [order_id])
    if not found:
        raise no_such_entity()
    return found[0]
