-- name: get
SELECT * FROM intent WHERE target_key = :target_key

-- name: open
INSERT INTO intent (target_key, seq, target, entity, body, digest, fingerprint, request_id, opened_at, quiet_until, mapping)
VALUES (:target_key, :seq, :target, :entity, :body, :digest, :fingerprint, :request_id, :now, :quiet_until, :mapping)
ON CONFLICT (target_key) DO UPDATE SET seq = excluded.seq, body = excluded.body, digest = excluded.digest,
    fingerprint = excluded.fingerprint, request_id = excluded.request_id, opened_at = excluded.opened_at,
    quiet_until = excluded.quiet_until, mapping = excluded.mapping

-- name: keep_quiet
UPDATE intent SET quiet_until = max(quiet_until, :until) WHERE target_key = :target_key

-- name: close
DELETE FROM intent WHERE target_key = :target_key

-- name: all
SELECT * FROM intent ORDER BY opened_at

-- name: begin_quiet
UPDATE intent SET quiet_until = :until
