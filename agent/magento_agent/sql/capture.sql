-- The agent's own file where a shop is polled: rows that wait, watermarks, and what was seen inside the overlap.

-- name: schema
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  entity TEXT NOT NULL,
  entity_id INTEGER NOT NULL,
  op TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
-- value: the shop's own time, as its updated_at has it.
CREATE TABLE watermark (listing TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
-- updated_at of the entry as it was seen: below the overlap it is not listed again, and so need not be known.
CREATE TABLE seen (
  listing TEXT NOT NULL,
  id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (listing, id)
) WITHOUT ROWID, STRICT;
CREATE INDEX seen_by_age ON seen (listing, updated_at);
PRAGMA user_version = 1;

-- name: read_after
SELECT id, entity, entity_id, op, created_at FROM outbox WHERE id > ? ORDER BY id LIMIT ?

-- name: read_up_to
SELECT id, entity, entity_id, op, created_at FROM outbox WHERE id <= ? ORDER BY id LIMIT ?

-- name: delete
DELETE FROM outbox WHERE id = ? AND created_at = ?

-- name: waiting_of
SELECT DISTINCT entity, entity_id, op FROM outbox

-- name: waiting
SELECT count(*), min(created_at) FROM outbox

-- name: add
INSERT INTO outbox (entity, entity_id, op, created_at) VALUES (?, ?, ?, ?)

-- name: watermark
SELECT value FROM watermark WHERE listing = ?

-- name: move_watermark
INSERT INTO watermark (listing, value) VALUES (?, ?) ON CONFLICT (listing) DO UPDATE SET value = excluded.value

-- name: digest
SELECT digest FROM seen WHERE listing = ? AND id = ?

-- name: see
INSERT INTO seen (listing, id, digest, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (listing, id) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at

-- name: forget
DELETE FROM seen WHERE listing = ? AND updated_at < ?
