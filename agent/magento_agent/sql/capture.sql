-- The agent's own file where a shop is polled: rows that wait, watermarks, and what was seen inside the overlap.

-- name: create_row
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, entity TEXT NOT NULL, entity_id INTEGER NOT NULL, op TEXT NOT NULL,
    created_at TEXT NOT NULL)

-- name: create_watermark
CREATE TABLE IF NOT EXISTS watermark (listing TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID

-- name: create_seen
CREATE TABLE IF NOT EXISTS seen (
    listing TEXT NOT NULL, id INTEGER NOT NULL, digest TEXT NOT NULL, changed_at TEXT NOT NULL,
    PRIMARY KEY (listing, id)) WITHOUT ROWID

-- name: read_after
SELECT id, entity, entity_id, op, created_at FROM outbox WHERE id > ? ORDER BY id LIMIT ?

-- name: read_up_to
SELECT id, entity, entity_id, op, created_at FROM outbox WHERE id <= ? ORDER BY id LIMIT ?

-- name: delete
DELETE FROM outbox WHERE id = ? AND created_at = ?

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
INSERT INTO seen (listing, id, digest, changed_at) VALUES (?, ?, ?, ?)
ON CONFLICT (listing, id) DO UPDATE SET digest = excluded.digest, changed_at = excluded.changed_at

-- name: forget
DELETE FROM seen WHERE listing = ? AND changed_at < ?
