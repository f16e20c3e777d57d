"""A profile of an ERP that nobody has: it mixes settings as no shipped one does, under names of its own."""

from pathlib import Path

from bng_bridge.bng import profile_file

FIFTH_PROFILE = """
base_path: /erp/v9
login: { token_path: /login/token, client: form, scope: everything, key_header: Authorization, key_value: "bearer {key}" }
paths:
  record: "{path}/number/{id}"
  external: "{path}/foreign/{external_id}"
  cancel: "{path}/void/{id}"
  reverse: "{path}/storno/{id}"

list:
  records: /result/rows
  size: { most: 50, parameter: per_page }
  next: { by: page, parameter: page, more: /result/more }
  filters:
    by: parameters
    parameters: { external_id: foreign, updated_since: changed_after, sales_order_id: belongs_to, invoice_id: pays }
  always: { view: complete }

external_id: { look_up: path, unique: true }
create: put-if-absent
update: { verb: PUT, sends: whole }
cancel: action
answers: { record: /result, writes: record }
idempotency: { header: X-Request-Id, methods: [POST, PUT], repeated: replays, required: false }
concurrency: { check: if-match, version: header, required: true }

errors:
  code: /fault/0/name
  texts: [/fault/0/says]
  details: { list: /fault, pointer: /where, text: /says }
  problems:
    validation: { status: 406, code: NOT_GOOD }
    unknown-customer: { status: 406, code: NO_PARTNER }
    unbalanced-entry: { status: 406, code: ODD_SUM }
    closed-period: { status: 409, code: TOO_LATE }
    precondition-failed: { status: 409, code: STALE }
    version-required: { status: 400, code: WHICH_ONE }
    rate-limited: { status: 503, code: BUSY }

limits: { says_when: false, wait_s: 7 }
formats: { amounts: number, dates: "%d.%m.%Y", times: "%d.%m.%Y %H:%M:%S.%f", zone: America/Bogota }

webhooks:
  verify: signature
  signature: { field: /HashCode, over: /Content, encoding: HEX }
  kind: /Content/Topic
  data: /Content
  content: key
  kinds:
    inventory_updated: StockPositions
    shipment_created: GoodsDeliveries
    order_status_changed: SalesOrders
    payment_posted: MoneyIn

resources:
  customers:
    path: partners
    omit: [Version, UpdatedBy]
    always: { kind: debtor }
    fields:
      CustomerID: { name: no, type: number }
      ExternalID: foreignNo
      CreatedAt: made
      UpdatedAt: changed
      FirstName: person/given
      LastName: person/family
      Email: person/mail
      CreditLimit: limits/credit
      BillingAddress: { fields: { Street: street, City: town, State: region, Zip: zip, Country: land } }
  sales-orders:
    path: orders/sales
    omit: [Version, UpdatedBy]
    fields:
      SalesOrderID: { name: no, type: number }
      ExternalID: foreignNo
      CustomerID: { name: partner/no, type: number }
      CreatedAt: made
      UpdatedAt: changed
      OrderDate: day
      OrderStatus: { name: state, type: number, values: { 10: 1, 20: [2, 3], 30: 8, 40: 4, 50: 5, 90: 9 } }
      Total: sum
      Lines: { name: positions, fields: { LineNo: pos, SKU: article, Quantity: count, UnitPrice: each, LineTotal: sum } }
  inventory-items:
    path: stock
    omit: [Version, UpdatedBy, Sequence]
    fields:
      InventoryItemID: { name: no, type: number }
      CreatedAt: made
      UpdatedAt: changed
      SKU: article
      QuantityOnHand: there
  shipments:
    path: deliveries
    omit: [Version, UpdatedBy]
    fields:
      ShipmentID: { name: no, type: number }
      SalesOrderID: { name: order/no, type: number }
      CreatedAt: made
      UpdatedAt: changed
      ShipDate: day
      Lines: { name: positions, fields: { LineNo: pos, SKU: article, Quantity: count } }
  invoices:
    path: bills
    omit: [Version, UpdatedBy]
    fields:
      InvoiceID: { name: no, type: number }
      ExternalID: foreignNo
      CreatedAt: made
      UpdatedAt: changed
      Type: { name: kind, type: number, values: { invoice: 380, credit: 381 } }
      AppliesToInvoiceID: { name: refersTo/no, type: number }
      SalesOrderID: { name: order/no, type: number }
      InvoiceDate: day
      Lines: { name: positions, fields: { LineNo: pos, SKU: article, Quantity: count, LineTotal: sum } }
      Balance: stillDue
  payments:
    path: money
    omit: [Version, UpdatedBy]
    fields:
      PaymentID: { name: no, type: number }
      ExternalID: foreignNo
      CreatedAt: made
      UpdatedAt: changed
      InvoiceID: { name: bill/no, type: number }
      CustomerID: { name: partner/no, type: number }
      PaymentDate: day
      Amount: sum
  gl-entries:
    path: postings
    omit: [Version, UpdatedBy]
    fields:
      GlEntryID: { name: no, type: number }
      ExternalID: foreignNo
      CreatedAt: made
      UpdatedAt: changed
      EntryDate: day
      Lines: { name: positions, fields: { Account: account, Debit: left, Credit: right } }
      ReversesID: { name: stornoOf, type: number }
      ReversedByID: { name: storno/no, type: number }
  vendors:
    path: suppliers
    omit: [Version, UpdatedBy]
    fields:
      VendorID: { name: no, type: number }
      ExternalID: foreignNo
      CreatedAt: made
      UpdatedAt: changed
  purchase-orders:
    path: orders/purchase
    omit: [Version, UpdatedBy]
    fields:
      PurchaseOrderID: { name: no, type: number }
      ExternalID: foreignNo
      CreatedAt: made
      UpdatedAt: changed
      VendorID: { name: supplier/no, type: number }
      OrderDate: day
      ExpectedDate: until
      Status: { name: state, type: number, values: { open: 1, partial: 2, received: 3 } }
      Lines: { name: positions, fields: { LineNo: pos, SKU: article, Quantity: count, ReceivedQuantity: came } }
"""

FIFTH = "a fifth one"
PROFILES = [*profile_file.shipped(), FIFTH]


def named(profile: str, folder: Path) -> str:
    """One of PROFILES as [bng] names it; the fifth becomes a file."""
    if profile != FIFTH:
        return profile
    file = folder / "fifth.yaml"
    file.write_text(FIFTH_PROFILE)
    return str(file)
