-- name: note
INSERT INTO policy_wait (site, entity, entity_id, rule, since) VALUES (:site, :entity, :entity_id, :rule, :now)
ON CONFLICT (site, entity, entity_id) DO UPDATE SET rule = excluded.rule, since = excluded.since
WHERE rule <> excluded.rule OR since < :requeued_at

-- name: since
SELECT since FROM policy_wait WHERE site = :site AND entity = :entity AND entity_id = :entity_id AND rule = :rule

-- name: forget
DELETE FROM policy_wait WHERE site = :site AND entity = :entity AND entity_id = :entity_id

-- name: waiting
-- `+`: by the index of what is pending, which is little, and not by the source, which is nearly all.
SELECT inbox.seq, inbox.site, inbox.entity, inbox.entity_id, inbox.increment_id, inbox.rule, inbox.reason, inbox.hint,
       inbox.run_at, policy_wait.since
FROM inbox JOIN policy_wait USING (site, entity, entity_id)
WHERE inbox.state = 'pending' AND inbox.rule <> '' AND +inbox.source = 'magento'
ORDER BY policy_wait.since, inbox.seq LIMIT :limit

-- name: counts
SELECT inbox.site, inbox.rule, count(*) AS events, min(policy_wait.since) AS oldest_at
FROM inbox JOIN policy_wait USING (site, entity, entity_id)
WHERE inbox.state = 'pending' AND inbox.rule <> '' AND +inbox.source = 'magento' GROUP BY inbox.site, inbox.rule

-- name: clean
DELETE FROM policy_wait WHERE NOT EXISTS (
    SELECT 1 FROM inbox WHERE source = 'magento' AND inbox.entity = policy_wait.entity
        AND inbox.entity_id = policy_wait.entity_id AND inbox.site = policy_wait.site)
