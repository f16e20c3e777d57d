-- name: get
SELECT * FROM binding WHERE target_key = :target_key

-- name: by_target
SELECT * FROM binding WHERE target = :target AND entity = :entity AND target_id = :target_id

-- name: under
SELECT * FROM binding WHERE target_key >= :prefix AND target_key < :prefix || x'FF' ORDER BY bound_at

-- name: put
INSERT INTO binding (target_key, site, target, entity, target_id, fingerprint, digest, version, facts, bound_at, applied_at)
VALUES (:target_key, :site, :target, :entity, :target_id, :fingerprint, :digest, :version, :facts, :now, :now)
ON CONFLICT (target_key) DO UPDATE SET target_id = excluded.target_id, digest = excluded.digest,
    version = excluded.version, facts = excluded.facts, applied_at = excluded.applied_at

-- name: forget_digest
UPDATE binding SET digest = '' WHERE target_key = :target_key

-- name: add_step
INSERT INTO step (seq, target_key, action, target_id, at) VALUES (:seq, :target_key, :action, :target_id, :now)
