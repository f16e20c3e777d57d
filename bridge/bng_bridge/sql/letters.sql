-- Dead letters. One that died before there were causes is grouped by its reason.

-- name: causes
SELECT found.*, first.kind, first.hint FROM (
    SELECT coalesce(nullif(cause, ''), reason) AS cause, count(*) AS letters, min(stored_at) AS oldest_at,
           min(seq) AS first_seq
    FROM inbox WHERE state = 'dead' GROUP BY 1) AS found
JOIN inbox AS first ON first.seq = found.first_seq
ORDER BY letters DESC, first_seq

-- name: of_cause
SELECT seq FROM inbox WHERE state = 'dead' AND coalesce(nullif(cause, ''), reason) = :cause ORDER BY seq

-- name: all
SELECT seq FROM inbox WHERE state = 'dead' ORDER BY seq

-- name: next_edit
SELECT 1 + count(*) FROM inbox WHERE event_key GLOB :pattern

-- name: put_edited
INSERT INTO inbox (event_key, site, source, entity, entity_id, kind, ordering_key, state, run_at,
                   committed_at, captured_at, published_at, stored_at, increment_id, edited_by)
SELECT :event_key, site, source, entity, entity_id, 'edited', ordering_key, 'pending', :now,
       committed_at, captured_at, published_at, :now, increment_id, :who
FROM inbox WHERE seq = :seq AND state = 'dead'

-- name: put_document
INSERT INTO document (seq, data) VALUES (:seq, :data)

-- name: last_word
SELECT state, reason, (SELECT data FROM document WHERE document.seq = inbox.seq) AS data FROM inbox
WHERE source = :source AND entity = :entity AND entity_id = :entity_id AND site = :site AND seq < :seq
  AND CASE kind WHEN 'edited' THEN state = 'superseded' ELSE state IN ('done', 'discarded') END
ORDER BY seq DESC LIMIT 1
