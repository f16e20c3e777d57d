"""What happened in the recorded Magento by ways that the sandbox does not serve, done by the sandbox's own means.

Carts become checkouts, the old stock API a source item, the customer's own page the admin server's. What went before
the recording's eyes only, such as a raised price, is read off the answers that show it.
"""

from collections.abc import Iterable
from typing import Any

from tests.contract.contract_shop import TOKEN, ContractShop
from tests.contract.identities import Identities
from tests.contract.recording import Exchange

from bridge_sandbox.admin import Server
from bridge_sandbox.process import wait_until

TIMEOUT_S = 10
STOCK = 1000


class Scenery:
    """Keeps one sandbox shop in the state of the recorded one."""

    def __init__(self, shop: ContractShop, identities: Identities, exchanges: Iterable[Exchange]) -> None:
        self._shop = shop
        self._identities = identities
        self._api = Server(shop.url, {"Authorization": f"Bearer {TOKEN}"})
        self._cart: list[dict[str, Any]] = []
        self._updated_at = orders_times(exchanges)

    def set_before(self, exchange: Exchange) -> None:
        """A search by time finds what it found when the orders have the times of the recording."""
        if not asks_for_times(exchange):
            return
        for theirs, moment in self._updated_at.items():
            self._shop.rows(
                "UPDATE sales_order SET updated_at = %s WHERE entity_id = %s",
                arguments=(moment, self._identities.ours("order", theirs)),
            )

    def stand_in(self, exchange: Exchange) -> None:
        """Do what an exchange on a route that is not served did there."""
        if exchange.status != 200 or exchange.method not in ("POST", "PUT"):
            return
        match exchange.route.removeprefix(f"{exchange.method} "):
            case "/V1/guest-carts" | "/V1/carts/mine":
                self._cart = []
            case "/V1/guest-carts/:cart/items" | "/V1/carts/mine/items":
                self._put_into_cart(exchange)
            case "/V1/guest-carts/:cart/payment-information" | "/V1/carts/mine/payment-information":
                self._place_order(exchange)
            case "/V1/shipment/":
                self._insert_bare_shipment(exchange)
            case "/V1/customers/me":
                self._change_own_data(exchange)
            case "/V1/orders/:id":
                self._change_address(exchange)

    def _put_into_cart(self, exchange: Exchange) -> None:
        """The goods have the price that the cart shows: it was changed out of the recording's sight."""
        line = exchange.answer
        self._cart.append({"sku": line["sku"], "qty": line["qty"]})
        known = self._shop.rows("SELECT entity_id FROM catalog_product_entity WHERE sku = %s", arguments=(line["sku"],))
        product = {"sku": line["sku"], "name": line["name"], "price": line["price"], "weight": 1}
        self._api.post("/rest/V1/products", product=product)
        if not known:
            self._set_stock(line["sku"], STOCK)

    def _set_stock(self, sku: str, quantity: Any) -> None:
        item = {"sku": sku, "source_code": "default", "quantity": quantity, "status": 1}
        self._api.post("/rest/V1/inventory/source-items", sourceItems=[item])

    def _place_order(self, exchange: Exchange) -> None:
        email = exchange.body.get("email")
        buyer = {"guest_email": email} if email else {"customer_id": self._identities.ours("customer", 1)}
        placed = self._shop.admin.checkout(
            lines=self._cart,
            address=exchange.body["billing_address"],
            tax_free=True,
            second_update_delay_s=0,
            **buyer,
        )
        order = wait_until("the e-mail of the order", lambda: self._finished(placed["order_id"]), timeout_s=TIMEOUT_S)
        self._identities.pair("order", exchange.answer, order["entity_id"])
        for theirs, item in zip(exchange.inserted["sales_order_item"], order["items"], strict=True):
            self._identities.pair("order_item", theirs, item["item_id"])

    def _finished(self, order_id: int) -> dict[str, Any]:
        order: dict[str, Any] = self._api.get(f"/rest/V1/orders/{order_id}")
        return order if order.get("email_sent") else {}

    def _insert_bare_shipment(self, exchange: Exchange) -> None:
        """A shipment that no order knows of: no quantity shipped, no state changed."""
        self._shop.rows(
            "INSERT INTO sequence_shipment_1 () VALUES ()",
            "INSERT INTO sales_shipment (order_id, increment_id) VALUES (%s, LPAD(LAST_INSERT_ID(), 9, '0'))",
            arguments=(self._identities.ours("order", exchange.body["entity"]["order_id"]),),
        )

    def _change_own_data(self, exchange: Exchange) -> None:
        customer = exchange.body["customer"]
        addresses = [
            each | {"id": self._identities.ours("customer_address", each["id"])} for each in customer["addresses"]
        ]
        self._shop.admin.post(
            "/customer", customer_id=self._identities.ours("customer", customer["id"]), addresses=addresses
        )

    def _change_address(self, exchange: Exchange) -> None:
        names = ("city", "postcode", "street", "telephone")
        changes = {name: exchange.body["entity"][name] for name in names}
        self._shop.admin.post("/address", order_id=self._identities.ours("order", 16), **changes)


def asks_for_times(exchange: Exchange) -> bool:
    return exchange.route == "GET /V1/orders" and "=updated_at" in exchange.query


def orders_times(exchanges: Iterable[Exchange]) -> dict[int, str]:
    """`updated_at` of the orders, as all searches by it together show."""
    answers = [exchange.answer for exchange in exchanges if asks_for_times(exchange)]
    return {item["entity_id"]: item["updated_at"] for answer in answers for item in answer["items"]}
