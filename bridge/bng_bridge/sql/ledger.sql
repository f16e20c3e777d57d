-- What each side lists, beside what became of it here. A record that arrived and is not listed yet comes with what its
-- event says. Amounts leave the database as text, JSON's numbers by `->` as they are written: never through REAL.

-- name: arrived
-- A row without a day is of a record that was gone before it was listed: the ledger has it from here alone.
SELECT DISTINCT entity, entity_id FROM inbox AS event NOT INDEXED
WHERE seq BETWEEN :first_seq AND :last_seq AND source = 'magento' AND site = :site AND state <> 'superseded'
  AND NOT EXISTS (SELECT 1 FROM manifest AS known WHERE known.source = 'magento' AND known.site = :site
                  AND known.entity = event.entity AND known.entity_id = event.entity_id AND known.day <> '')

-- name: from_magento
WITH listed AS (
    SELECT entity_id, name, day, total, currency, state, asked_seq, excluded, listed_at
    FROM manifest INDEXED BY manifest_day
    WHERE day BETWEEN :first_day AND :last_day AND source = 'magento' AND site = :site AND entity = :entity),
arrived AS (SELECT value, '', NULL, '', '', 'arrived', 0, '', NULL FROM json_each(:arrived)),
seen AS (SELECT * FROM listed UNION ALL SELECT * FROM arrived)
SELECT seen.*,
       newest.seq, newest.state AS event_state, newest.kind, newest.reason, newest.stored_at,
       newest.committed_at, newest.increment_id,
       CASE WHEN seen.state = 'arrived' AND json_valid(document.data) THEN document.data ->> '$.created_at' END AS created_at,
       CASE WHEN seen.state = 'arrived' AND json_valid(document.data) THEN document.data -> '$.grand_total' END AS grand_total,
       CASE WHEN seen.state = 'arrived' AND json_valid(document.data)
            THEN document.data ->> '$.order_currency_code' END AS order_currency,
       binding.target_id, binding.applied_at, binding.fingerprint, binding.facts -> '$.Total' AS written_total,
       at_bng.name AS bng_name, at_bng.state AS bng_state, at_bng.total AS bng_total, at_bng.currency AS bng_currency,
       at_bng.listed_at AS bng_listed_at
FROM seen
LEFT JOIN inbox AS newest ON newest.seq = (
    SELECT max(seq) FROM inbox WHERE source = 'magento' AND entity = :entity AND entity_id = seen.entity_id
        AND site = :site AND state <> 'superseded')
LEFT JOIN document ON seen.state = 'arrived' AND document.seq = newest.seq
LEFT JOIN binding ON binding.target_key = :site || '/' || :entity || '/' || seen.entity_id || '/' || :at_bng
LEFT JOIN manifest AS at_bng ON at_bng.source = 'bng' AND at_bng.site = '' AND at_bng.entity = :at_bng
    AND at_bng.entity_id = binding.target_id

-- name: shipments
WITH listed AS (
    SELECT entity_id, name, day, state, excluded, listed_at
    FROM manifest INDEXED BY manifest_day
    WHERE day BETWEEN :first_day AND :last_day AND source = 'bng' AND site = '' AND entity = 'shipment'),
arrived AS (
    SELECT entity_id, '', substr(min(stored_at), 1, 10), 'arrived', '', NULL
    FROM inbox AS hint NOT INDEXED
    WHERE seq BETWEEN :first_seq AND :last_seq AND source = 'bng' AND entity = 'shipment'
      AND NOT EXISTS (SELECT 1 FROM manifest AS known WHERE known.source = 'bng' AND known.site = ''
                      AND known.entity = 'shipment' AND known.entity_id = hint.entity_id)
    GROUP BY entity_id),
seen AS (SELECT * FROM listed UNION ALL SELECT * FROM arrived)
SELECT seen.*,
       newest.increment_id, newest.seq, newest.state AS event_state, newest.kind, newest.reason, newest.stored_at,
       (SELECT binding.target_id FROM json_each(:sites) AS each JOIN binding
        ON binding.target_key = each.value || '/shipment/' || seen.entity_id || '/shipment' LIMIT 1) AS target_id
FROM seen
LEFT JOIN inbox AS newest ON newest.seq = (
    SELECT max(seq) FROM inbox WHERE source = 'bng' AND entity = 'shipment' AND entity_id = seen.entity_id
        AND site = '' AND state <> 'superseded')

-- name: changes
WITH changed AS (
    SELECT entity, entity_id, substr(stored_at, 1, 10) AS day FROM inbox NOT INDEXED
    WHERE seq BETWEEN :first_seq AND :last_seq AND source = 'bng' AND entity IN ('stock', 'sales_order')
    GROUP BY entity, entity_id, day)
SELECT changed.entity, changed.entity_id, changed.day, '' AS name, 'arrived' AS state, '' AS excluded, NULL AS listed_at,
       newest.increment_id, newest.seq, newest.state AS event_state, newest.kind, newest.reason, newest.stored_at
FROM changed JOIN inbox AS newest ON newest.seq = (
    SELECT max(seq) FROM inbox WHERE source = 'bng' AND entity = changed.entity AND entity_id = changed.entity_id
        AND site = '' AND state <> 'superseded')
