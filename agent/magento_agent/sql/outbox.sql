-- What the agent's own account runs. {table} is the quoted outbox table.

-- name: isolation
-- Under REPEATABLE READ a DELETE on the table's tail blocks the shop's inserts.
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED

-- name: session
SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 5, lock_wait_timeout = 5

-- name: read_after
SELECT id, entity, entity_id, op, created_at FROM {table} WHERE id > %s ORDER BY id LIMIT %s

-- name: read_up_to
SELECT id, entity, entity_id, op, created_at FROM {table} WHERE id <= %s ORDER BY id LIMIT %s

-- name: delete
-- FORCE INDEX: a scan of the whole table would wait for rows that the shop has not committed yet.
-- The pair tells a row from its successor under the same id after a TRUNCATE.
DELETE o FROM {table} o FORCE INDEX (PRIMARY) WHERE o.id IN %s AND (o.id, o.created_at) IN %s

-- name: may_delete
DELETE FROM {table} WHERE id = 0

-- name: waiting_of
SELECT DISTINCT entity, entity_id, op FROM {table} WHERE (entity, entity_id) IN %s

-- name: now
SELECT UTC_TIMESTAMP(6)

-- name: add
INSERT INTO {table} (entity, entity_id, op, created_at) VALUES (%s, %s, %s, %s)

-- name: waiting
SELECT COUNT(*), TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(6)) / 1000000 FROM {table}

-- name: server
SELECT @@server_uid

-- name: server_without_uid
SELECT @@hostname

-- name: table_comment
SELECT table_comment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s
