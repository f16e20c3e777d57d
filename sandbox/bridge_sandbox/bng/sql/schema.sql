-- One row per record; `body` is the record as the API shows it, the columns made of it are for look-ups and order.
CREATE TABLE IF NOT EXISTS records (
    entity         TEXT NOT NULL,
    id             TEXT NOT NULL,
    body           TEXT NOT NULL,
    updated_at     TEXT AS (body ->> '$.UpdatedAt'),
    external_id    TEXT AS (body ->> '$.ExternalID'),
    sku            TEXT AS (body ->> '$.SKU'),
    warehouse      TEXT AS (body ->> '$.Warehouse'),
    customer_id    TEXT AS (body ->> '$.CustomerID'),
    sales_order_id TEXT AS (body ->> '$.SalesOrderID'),
    invoice_id     TEXT AS (body ->> '$.InvoiceID'),
    transaction_id TEXT AS (body ->> '$.TransactionID'),
    email          TEXT AS (body ->> '$.Email')
);
CREATE UNIQUE INDEX IF NOT EXISTS records_by_id ON records (entity, id);
-- Not unique: with --no-keys two records may hold one ExternalID. Otherwise records.py refuses the second.
CREATE INDEX IF NOT EXISTS records_by_external_id ON records (entity, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_sku ON records (entity, sku, warehouse) WHERE sku IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_customer ON records (entity, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_order ON records (entity, sales_order_id) WHERE sales_order_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_invoice ON records (entity, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_transaction ON records (entity, transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_email ON records (entity, email) WHERE email IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_by_time ON records (entity, updated_at, id);

CREATE TABLE IF NOT EXISTS counters (
    entity TEXT PRIMARY KEY,
    last   INTEGER NOT NULL
);

-- How far each line of an order has come; `item_id` is null for goods without stock.
CREATE TABLE IF NOT EXISTS line_progress (
    sales_order_id TEXT NOT NULL,
    line_no        INTEGER NOT NULL,
    item_id        TEXT,
    allocated      TEXT NOT NULL,
    shipped        TEXT NOT NULL,
    PRIMARY KEY (sales_order_id, line_no)
) WITHOUT ROWID;

-- Answers to requests with an Idempotency-Key, written in the transaction of the request.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    client      TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    headers     TEXT NOT NULL,
    body        TEXT NOT NULL,
    created_s   REAL NOT NULL,
    PRIMARY KEY (client, key)
);

CREATE TABLE IF NOT EXISTS subscriptions (
    url    TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    types  TEXT,              -- JSON list; null: all
    active INTEGER NOT NULL DEFAULT 1
);

-- What clients have subscribed to themselves, in profiles that have it; dead after until_s. While a URL has any, it hears
-- no other kinds.
CREATE TABLE IF NOT EXISTS hearings (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    url      TEXT NOT NULL,
    resource TEXT NOT NULL,
    kind     TEXT NOT NULL,
    until_s  REAL NOT NULL
);

-- Webhooks not yet delivered. `due_s` is in the future while one is being sent or waits after a failure.
CREATE TABLE IF NOT EXISTS webhook_outbox (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    url        TEXT NOT NULL,
    body       TEXT NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    due_s      REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS webhook_outbox_due ON webhook_outbox (due_s, n);

CREATE TABLE IF NOT EXISTS switches (
    name  TEXT PRIMARY KEY,
    state INTEGER NOT NULL
);

-- Every state that a record has ever had, for whoever wants to see whether an older one came after a newer one.
CREATE TABLE IF NOT EXISTS history (
    n       INTEGER PRIMARY KEY,
    entity  TEXT NOT NULL,
    id      TEXT NOT NULL,
    body    TEXT NOT NULL
);
