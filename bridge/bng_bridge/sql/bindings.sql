-- name: get
SELECT * FROM binding WHERE target_key = :target_key

-- name: by_target
SELECT * FROM binding WHERE target = :target AND entity = :entity AND target_id = :target_id
                        AND site = coalesce(:site, site) AND instr(target_key, '/replaced-') = 0

-- name: lost_by_target
SELECT * FROM binding WHERE target = :target AND entity = :entity AND target_id = :target_id
                        AND instr(target_key, '/replaced-') > 0

-- name: lost
SELECT * FROM binding WHERE site = :site AND target = 'bng' AND entity = 'sales_order' AND instr(target_key, '/replaced-') > 0
ORDER BY bound_at

-- name: set_aside
UPDATE binding SET target_key = :aside WHERE target_key = :target_key

-- name: forget_fingerprint
UPDATE binding SET fingerprint = '' WHERE target_key = :target_key

-- name: of_site
SELECT * FROM binding WHERE site = :site AND target = :target AND instr(target_key, '/replaced-') = 0 ORDER BY bound_at

-- name: under
SELECT * FROM binding WHERE target_key >= :prefix AND target_key < :prefix || x'FF' AND instr(target_key, '/replaced-') = 0
ORDER BY bound_at

-- name: put
INSERT INTO binding (target_key, site, target, entity, target_id, fingerprint, digest, version, facts, bound_at, applied_at)
VALUES (:target_key, :site, :target, :entity, :target_id, :fingerprint, :digest, :version, :facts, :now, :now)
ON CONFLICT (target_key) DO UPDATE SET target_id = excluded.target_id, digest = excluded.digest,
    version = excluded.version, facts = excluded.facts, applied_at = excluded.applied_at,
    fingerprint = CASE fingerprint WHEN '' THEN excluded.fingerprint ELSE fingerprint END

-- name: forget
DELETE FROM binding WHERE target_key = :target_key

-- name: forget_digest
UPDATE binding SET digest = '' WHERE target_key = :target_key

-- name: add_step
INSERT INTO step (seq, target_key, action, target_id, at, mapping)
VALUES (:seq, :target_key, :action, :target_id, :now, :mapping)
