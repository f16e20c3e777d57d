"""The admin sides of the two sandboxes as Python calls: sell, ship, adjust stock, look into the book, set faults.

Blocking, one connection a call, so any number of threads may share one. Numbers in answers are int or Decimal.
"""

from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

from bridge_common import decimal_json

TIMEOUT_S = 60.0
JsonObject = dict[str, Any]


class CallFailed(Exception):
    """An answer outside 2xx."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: {status} {body[:500]}")
        self.status = status
        self.body = body


class Server:
    """A sandbox server's JSON over HTTP. Raises CallFailed, and OSError or HTTPException when nobody answers."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self._headers = headers or {}
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port

    def call(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            payload = None if body is None else decimal_json.dumps(body).encode()
            connection.request(method, path, payload, {"Content-Type": "application/json"} | self._headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status // 100 != 2:
            raise CallFailed(method, path, response.status, text)
        return decimal_json.loads(text) if text else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, /, **fields: Any) -> Any:
        return self.call("POST", path, fields)


class Admin(Server):
    """What both sandboxes' admin sides have."""

    def book(self) -> JsonObject:
        """Everything the sandbox knows, as it stands now."""
        found: JsonObject = self.get("/book")
        return found

    def calls(self) -> dict[str, int]:
        """How often each route of the API was called, such as `POST /api/v1/customers`; also those that were not."""
        found: dict[str, int] = self.get("/calls")
        return found

    def fault(self, kind: str, **options: Any) -> int:
        """Set a fault switch (see faults.py); its id."""
        number: int = self.post("/faults", kind=kind, **options)["id"]
        return number

    def fault_hits(self, number: int) -> int:
        """How many requests have met the fault; 0 of one that was cleared."""
        return next((int(each["hits"]) for each in self.get("/faults") if each["id"] == number), 0)

    def release(self, number: int) -> None:
        """Let go of the answers that a `hold` fault keeps back."""
        self.post(f"/faults/{number}/release")

    def clear_faults(self) -> None:
        self.call("DELETE", "/faults")

    def pause_webhooks(self) -> None:
        """Events are dropped until `resume_webhooks`."""
        self.post("/webhooks/pause")

    def resume_webhooks(self) -> None:
        self.post("/webhooks/resume")


class ShopAdmin(Admin):
    """The sandbox shop."""

    def checkout(self, kind: str = "simple", **options: Any) -> JsonObject:
        """Place an order: {"order_id", "increment_id", "committed_at", "grand_total"}."""
        order: JsonObject = self.post("/checkout", kind=kind, **options)
        return order

    def open_store(self, code: str, **settings: Any) -> JsonObject:
        """Another store: `website`, `currency`, `base_currency`, `rate`, `gross_prices`, `taxed_freight`, `time_zone`."""
        opened: JsonObject = self.post("/store", code=code, **settings)
        return opened

    def ship(self, order_id: int, **options: Any) -> int:
        """What the admin's "Ship" does; `items`, `tracks`, `comment` as REST takes them. The shipment's id."""
        return int(self.post("/ship", order_id=order_id, **options)["result"])

    def invoice(self, order_id: int, **options: Any) -> int:
        """What the admin's "Invoice" does, offline, or with `capture` "online" or "later". The invoice's id."""
        return int(self.post("/invoice", order_id=order_id, **options)["result"])

    def refund(self, order_id: int, **options: Any) -> int:
        """What the admin's "Credit Memo" does, offline, or with `online` at the provider. The credit memo's id."""
        return int(self.post("/refund", order_id=order_id, **options)["result"])

    def cancel(self, order_id: int) -> bool:
        """What the admin's "Cancel" does; False where nothing could be cancelled."""
        return bool(self.post("/cancel", order_id=order_id)["result"])

    def edit_address(self, order_id: int, **fields: Any) -> JsonObject:
        """Other fields in the shipping address of an order; the whole address."""
        address: JsonObject = self.post("/address", order_id=order_id, **fields)
        return address

    def online_refunds(self) -> list[JsonObject]:
        """The transactions with which a provider gave money back."""
        return [each for each in self.book()["transactions"] if each["txn_type"] == "refund"]

    def edit(self, order_id: int, **options: Any) -> JsonObject:
        """What the admin's "Edit" does: cancel the order and place a new one, which is answered as by `checkout`."""
        order: JsonObject = self.post("/edit", order_id=order_id, **options)
        return order


class BngAdmin(Admin):
    """The sandbox BNG."""

    def ship(self, external_id: str, tracking_numbers: list[str], lines: list[JsonObject] | None = None) -> JsonObject:
        """Ship all that is open of a sales order, or the given lines [{"LineNo", "Quantity"}]; the shipment."""
        chosen: JsonObject = {} if lines is None else {"Lines": lines}
        shipment: JsonObject = self.post(
            "/ship", ExternalID=external_id, Carrier="DHL", TrackingNumbers=tracking_numbers, **chosen
        )
        return shipment

    def history(self, shelf: str) -> list[JsonObject]:
        """Every version of every record of one shelf of the book, in the order in which they were written."""
        found: list[JsonObject] = self.get(f"/history/{shelf}")
        return found

    def set_stock(self, sku: str, warehouse: str, on_hand: int) -> JsonObject:
        """A stock count: this many are there now."""
        item: JsonObject = self.post("/stock", SKU=sku, Warehouse=warehouse, QuantityOnHand=on_hand)
        return item

    def invoice(self, external_id: str, lines: list[JsonObject] | None = None) -> JsonObject:
        """Invoice what was not yet of a sales order, or the given lines [{"LineNo", "Quantity"}]; the invoice."""
        made: JsonObject = self.post("/invoices", ExternalID=external_id, Lines=lines)
        return made

    def credit(self, invoice_id: str, lines: list[JsonObject] | None = None) -> JsonObject:
        """Credit an invoice, or the given lines of it; the credit memo."""
        made: JsonObject = self.post("/credits", InvoiceID=invoice_id, Lines=lines)
        return made

    def pay(self, invoice_id: str, **fields: Any) -> JsonObject:
        """Post a payment: of all that is owed, by bank, unless fields say so; a negative Amount is a refund."""
        made: JsonObject = self.post("/payments", InvoiceID=invoice_id, **fields)
        return made

    def receive(self, external_id: str, lines: list[JsonObject] | None = None) -> JsonObject:
        """All that is open of a purchase order comes in, or the given lines; the purchase order."""
        order: JsonObject = self.post("/receive", ExternalID=external_id, Lines=lines)
        return order

    def close_period(self, period: str, *, closed: bool = True) -> None:
        """No ledger entry is dated in this month (YYYY-MM) any more; or again."""
        self.post("/periods", Period=period, Closed=closed)

    def create(self, shelf: str, *, by: str = "operator", **fields: Any) -> JsonObject:
        """A new record of a shelf of the book, made by hand; `by` stands in UpdatedBy."""
        record: JsonObject = self.post(f"/records/{shelf}?by={quote(by)}", **fields)
        return record

    def edit(self, shelf: str, record_id: str, *, by: str = "operator", **fields: Any) -> JsonObject:
        """A record changed by hand, such as a customer's phone or a product's ListPrice; it is announced as usual."""
        record: JsonObject = self.call("PATCH", f"/records/{shelf}/{record_id}?by={quote(by)}", fields)
        return record

    def delete(self, shelf: str, record_id: str) -> None:
        """As somebody does by hand: the record is gone, and nothing is announced."""
        self.call("DELETE", f"/records/{shelf}/{record_id}")

    def backdate(self, shelf: str, record_id: str, updated_at: str) -> JsonObject:
        """The record as if its transaction had begun then and become visible only now."""
        record: JsonObject = self.post(f"/records/{shelf}/{record_id}/backdate", UpdatedAt=updated_at)
        return record

    def back_up(self) -> None:
        self.post("/backup")

    def restore(self) -> None:
        """Everything as in the copy: ids and versions given out since then are given out again."""
        self.post("/restore")

    def webhook_faults(self, **switches: Any) -> JsonObject:
        """Set some of them (see bng/webhook_faults.py) and return all, with {"done"} what they have done so far."""
        described: JsonObject = self.post("/webhooks/faults", **switches)
        return described

    def clear_webhook_faults(self) -> None:
        """What they hold back goes at once."""
        self.call("DELETE", "/webhooks/faults")
