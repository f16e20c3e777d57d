-- The shop's part of the table; the digest of a row in state 'asked' is that of the line that was asked for.

-- name: known
SELECT entity_id, digest, state, asked_seq, excluded FROM manifest
WHERE source = 'magento' AND site = :site AND entity = :entity
  AND entity_id IN (SELECT value FROM json_each(:ids))

-- name: newest
-- By version: a lower one that came later has a higher seq. Without a seq its row was cleaned.
SELECT seq, kind, state, reason, committed_at, captured_at, stored_at, settled_at, data FROM seen_version AS seen
LEFT JOIN inbox ON inbox.event_key = seen.site || '/' || seen.epoch || '.' || seen.n
LEFT JOIN document USING (seq)
WHERE seen.site = :site AND seen.entity = :entity AND seen.entity_id = :entity_id

-- name: highest_seq
SELECT coalesce(max(seq), 0) FROM inbox

-- name: put
INSERT INTO manifest (source, site, entity, entity_id, name, day, total, currency, digest, state, asked_seq, excluded,
                      listed_at)
VALUES ('magento', :site, :entity, :entity_id, :name, :day, :total, :currency, :digest, :state, :asked_seq, :excluded,
        :listed_at)
ON CONFLICT (source, site, entity, entity_id) DO UPDATE
SET name = excluded.name, day = excluded.day, total = excluded.total, currency = excluded.currency,
    digest = excluded.digest, state = excluded.state, asked_seq = excluded.asked_seq, excluded = excluded.excluded,
    listed_at = excluded.listed_at

-- name: ask
UPDATE manifest SET state = 'asked', digest = :digest, asked_seq = :asked_seq
WHERE source = 'magento' AND site = :site AND entity = :entity AND entity_id = :entity_id

-- name: gone
INSERT INTO manifest (source, site, entity, entity_id, name, day, total, currency, digest, state, listed_at)
VALUES ('magento', :site, :entity, :entity_id, '', '', '', '', '', :state, :listed_at)
ON CONFLICT (source, site, entity, entity_id) DO UPDATE SET state = excluded.state

-- name: customers
-- Ids that were seen, in pieces. An order may have brought a customer to BNG of whom no event came and no list told.
SELECT entity_id FROM seen_version WHERE site = :site AND entity = 'customer' AND entity_id > :after
UNION SELECT entity_id FROM manifest
WHERE source = 'magento' AND site = :site AND entity = 'customer' AND entity_id > :after
UNION SELECT * FROM (
    SELECT substr(target_key, length(:site) + 11, length(target_key) - length(:site) - 19) AS entity_id FROM binding
    WHERE target_key > :site || '/customer/' || :after || '/customer' AND target_key < :site || '/customer0'
      AND target_key LIKE '%/customer' AND target_key NOT LIKE '%/customer/guest-%'
    ORDER BY target_key LIMIT 5000)
ORDER BY entity_id LIMIT 5000

-- name: orders
SELECT entity_id FROM manifest
WHERE day > :day AND source = 'magento' AND site = :site AND entity = 'order' AND state <> 'deleted'
