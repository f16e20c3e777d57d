-- What the shop's own account runs. {table} is the quoted outbox table; quoted names come in by format, values by %s.

-- name: session
-- sql_mode empty, as Magento's own sessions: a trigger keeps the mode it was made under.
-- lock_wait_timeout: a CREATE TRIGGER that waits behind an open reader makes every checkout wait behind it.
SET SESSION sql_mode = '', time_zone = '+00:00', lock_wait_timeout = 2, innodb_lock_wait_timeout = 5

-- name: create_table
CREATE TABLE {table} (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  entity VARCHAR(16) CHARACTER SET ascii NOT NULL,
  entity_id INT UNSIGNED NOT NULL,
  op CHAR(1) CHARACTER SET ascii NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT = %s

-- name: drop_table
DROP TABLE {table}

-- name: columns
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position

-- name: engine
SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s

-- name: tables
SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'

-- name: triggers
SELECT trigger_name, event_object_table, action_statement, definer, sql_mode FROM information_schema.triggers
WHERE trigger_schema = DATABASE() AND event_object_schema = DATABASE()

-- name: who
SELECT CURRENT_USER(), VERSION(), @@log_bin, @@log_bin_trust_function_creators

-- name: role
SELECT CURRENT_ROLE()

-- name: privileges
SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = %s
UNION SELECT privilege_type FROM information_schema.schema_privileges WHERE grantee = %s AND DATABASE() LIKE table_schema
UNION SELECT privilege_type FROM information_schema.table_privileges WHERE grantee = %s AND table_schema = DATABASE()

-- name: account_exists
SELECT COUNT(*) FROM mysql.user WHERE user = %s AND host = %s

-- name: waiting
SELECT COUNT(*), MIN(created_at) FROM {table}

-- name: grid_setting
SELECT value FROM {config_table} WHERE path = 'dev/grid/async_indexing' AND scope = 'default'

-- name: may_select
SELECT id FROM {table} LIMIT 0

-- name: may_insert
INSERT INTO {table} (entity, entity_id, op, created_at)
SELECT 'order', 0, 'U', UTC_TIMESTAMP(6) FROM (SELECT 1 AS one) AS none WHERE none.one = 0

-- name: may_delete
DELETE FROM {table} WHERE id = 0
