-- name: schema
CREATE TABLE request (
  id TEXT PRIMARY KEY,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  -- running: may have been sent. done: answered by the shop. failed: not answered. interrupted: the agent stopped
  -- while it was running. Only a failed request that surely was not sent may be begun again.
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'interrupted')),
  is_unsent INTEGER NOT NULL DEFAULT 0,
  answer TEXT,
  begun_at REAL NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX request_by_age ON request (begun_at);
PRAGMA user_version = 1;

-- name: interrupt
UPDATE request SET state = 'interrupted' WHERE state = 'running'

-- name: find
SELECT state, answer, is_unsent FROM request WHERE id = ?

-- name: begin
INSERT INTO request (id, method, path, state, begun_at) VALUES (?, ?, ?, 'running', ?)
ON CONFLICT (id) DO UPDATE SET state = 'running', answer = NULL, is_unsent = 0, begun_at = excluded.begun_at
WHERE request.is_unsent = 1

-- name: finish
UPDATE request SET state = ?, is_unsent = ?, answer = ? WHERE id = ?

-- name: forget
DELETE FROM request WHERE begun_at < ? AND state <> 'running'
