-- name: insert
INSERT INTO inbox (event_key, site, source, entity, entity_id, kind, ordering_key, state, reason, hint, cause, run_at,
                   committed_at, captured_at, published_at, stored_at, settled_at, increment_id)
VALUES (:event_key, :site, :source, :entity, :entity_id, :kind, :ordering_key, :state, :reason, :hint, :cause, :stored_at,
        :committed_at, :captured_at, :published_at, :stored_at,
        CASE WHEN :state = 'pending' THEN NULL ELSE :stored_at END, :increment_id)
ON CONFLICT (event_key) DO NOTHING

-- name: name_event
UPDATE inbox SET hint = replace(hint, '{event}', seq) WHERE event_key = :event_key

-- name: insert_document
INSERT INTO document (seq, data) VALUES (?, ?)

-- name: raise_version
INSERT INTO seen_version (site, entity, entity_id, epoch, n) VALUES (:site, :entity, :entity_id, :epoch, :n)
ON CONFLICT (site, entity, entity_id) DO UPDATE SET epoch = excluded.epoch, n = excluded.n
WHERE (excluded.epoch, excluded.n) > (epoch, n)

-- name: exists
SELECT 1 FROM inbox WHERE event_key = :event_key

-- name: supersede
UPDATE inbox SET state = 'superseded', reason = 'a newer state was stored', settled_at = :now
WHERE source = :source AND entity = :entity AND entity_id = :entity_id AND site = :site
  AND state IN ('pending', 'dead') AND event_key <> :event_key
RETURNING seq

-- name: forget_document
DELETE FROM document WHERE seq = ?

-- name: claim
-- What a backfill has handed over is few at a time: stepping over it costs little.
UPDATE inbox SET state = 'processing' WHERE seq = (
    SELECT seq FROM inbox AS due
    WHERE state = 'pending' AND run_at <= :now AND NOT EXISTS (
        SELECT 1 FROM inbox AS busy WHERE busy.state = 'processing' AND busy.ordering_key = due.ordering_key)
      AND NOT EXISTS (
        SELECT 1 FROM backfill_open AS open
        WHERE open.site = due.site AND open.entity = due.entity AND open.entity_id = due.entity_id)
    ORDER BY run_at, seq LIMIT 1)
RETURNING *, (SELECT data FROM document WHERE document.seq = inbox.seq) AS data

-- name: claim_behind
UPDATE inbox SET state = 'processing' WHERE seq = (
    SELECT seq FROM inbox AS due
    WHERE state = 'pending' AND run_at <= :now AND NOT EXISTS (
        SELECT 1 FROM inbox AS busy WHERE busy.state = 'processing' AND busy.ordering_key = due.ordering_key)
    ORDER BY run_at, seq LIMIT 1)
RETURNING *, (SELECT data FROM document WHERE document.seq = inbox.seq) AS data

-- name: has_discarded
SELECT 1 FROM inbox
WHERE state = 'discarded' AND source = :source AND entity = :entity AND entity_id = :entity_id AND site = :site LIMIT 1

-- name: any_discarded
SELECT 1 FROM inbox WHERE state = 'discarded' LIMIT 1

-- name: behind
SELECT count(*) FROM inbox AS busy WHERE state = 'processing' AND EXISTS (
    SELECT 1 FROM backfill_open AS open
    WHERE open.site = busy.site AND open.entity = busy.entity AND open.entity_id = busy.entity_id)

-- name: has_behind
SELECT 1 FROM backfill_open LIMIT 1

-- name: next_due
SELECT min(run_at) FROM inbox WHERE state = 'pending'

-- name: settle
UPDATE inbox SET state = :state, reason = :reason, hint = :hint, cause = :cause, settled_at = :now,
                 attempts = attempts + :counted
WHERE seq = :seq

-- name: again
UPDATE inbox SET state = 'pending', reason = :reason, hint = :hint, run_at = :run_at, attempts = attempts + :counted,
                 rule = :rule
WHERE seq = :seq

-- name: newer_waits
SELECT 1 FROM inbox AS newer JOIN inbox AS this USING (source, entity, entity_id, site)
WHERE this.seq = :seq AND newer.seq > this.seq AND newer.state = 'pending'

-- name: is_deleted
SELECT 1 FROM inbox
WHERE source = 'magento' AND entity = :entity AND entity_id = :entity_id AND site = :site AND kind = 'tombstone' LIMIT 1

-- name: add_attempt
INSERT INTO attempt (seq, number, started_at, ended_at, outcome, error_kind, error)
VALUES (:seq, 1 + (SELECT coalesce(max(number), 0) FROM attempt WHERE seq = :seq),
        :started_at, :now, :outcome, :error_kind, :error)

-- name: extend_attempt
-- Not over a gap: a row tells that it was looked at all that time.
UPDATE attempt SET ended_at = :now
WHERE seq = :seq AND number = (SELECT max(number) FROM attempt WHERE seq = :seq)
  AND outcome = 'postponed' AND :outcome = 'postponed' AND error = :error
  AND julianday(:started_at) - julianday(ended_at) < :gap_s / 86400.0

-- name: not_to_blame
-- Seconds from :since to an attempt that began at :started_at.
WITH look(number, started_at, ended_at, is_paused) AS (
    SELECT number, started_at, ended_at, error_kind = 'TargetPaused' FROM attempt
    WHERE seq = :seq AND started_at >= :since
    UNION ALL SELECT 1e9, :started_at, :started_at, 0),
span(gap_s, took_s, is_paused) AS (
    SELECT 86400 * (julianday(started_at) - julianday(lag(ended_at, 1, :since) OVER (ORDER BY number))),
           86400 * (julianday(ended_at) - julianday(started_at)), is_paused
    FROM look)
SELECT sum(CASE WHEN gap_s >= :gap_s THEN gap_s ELSE 0 END + CASE WHEN is_paused THEN max(took_s, 0) ELSE 0 END)
FROM span

-- name: rescue_superseded
UPDATE inbox AS this SET state = 'superseded', reason = 'a newer state was stored', settled_at = :now
WHERE state = 'processing' AND EXISTS (
    SELECT 1 FROM inbox AS newer
    WHERE newer.source = this.source AND newer.entity = this.entity AND newer.entity_id = this.entity_id
      AND newer.site = this.site AND newer.seq > this.seq AND newer.state = 'pending')

-- name: rescue
UPDATE inbox SET state = 'pending', run_at = :now, reason = 'taken back after a crash' WHERE state = 'processing'

-- name: waiting_of
SELECT inbox.*, data FROM inbox LEFT JOIN document USING (seq)
WHERE source = 'magento' AND site = :site AND entity = :entity AND state IN ('pending', 'dead')

-- name: close_lost
UPDATE inbox SET state = 'superseded', reason = 'the shop was restored without this record', hint = '', settled_at = :now
WHERE seq = :seq AND state IN ('pending', 'dead')

-- name: dead_of_kind
SELECT seq, site, entity, entity_id, reason FROM inbox WHERE state = 'dead' AND EXISTS (
    SELECT 1 FROM attempt WHERE attempt.seq = inbox.seq AND error_kind = :error_kind)
  -- A hint of BNG belongs to no site; its reason begins with the record that it met.
  AND (site = :site OR (site = '' AND substr(reason, 1, length(:site) + 1) = :site || '/'))

-- name: bring_forward
UPDATE inbox SET run_at = :now WHERE state = 'pending' AND run_at > :beyond AND site = coalesce(:site, site)
                                   AND stored_at > :stored_after

-- name: stored_ahead
SELECT 1 FROM inbox WHERE seq > :since AND state = 'pending' AND stored_at > :ahead LIMIT 1

-- name: requeue
UPDATE inbox SET state = 'pending', run_at = :now, requeued_at = :now, reason = 'requeued by an operator', hint = '', cause = '',
                 attempts = 0, settled_at = NULL, rule = ''
WHERE seq = :seq AND state = 'dead'

-- name: discard
UPDATE inbox SET state = 'discarded', reason = :reason, settled_at = :now WHERE seq = :seq AND state = 'dead'

-- name: counts
-- Without what an operator's rule holds: policy_waits counts that.
SELECT site, source, state, count(*) AS events, min(stored_at) AS oldest_at FROM inbox
WHERE state IN ('pending', 'processing', 'dead') AND NOT (state = 'pending' AND rule <> '') GROUP BY site, source, state

-- name: dead
SELECT seq, event_key, site, source, entity, entity_id, increment_id, kind, reason, hint, attempts, stored_at, settled_at,
       coalesce(nullif(cause, ''), reason) AS cause
FROM inbox WHERE state = 'dead' ORDER BY seq LIMIT :limit

-- name: queue
SELECT seq, event_key, site, source, entity, entity_id, increment_id, state, reason, attempts, run_at, stored_at
FROM inbox WHERE state IN ('pending', 'processing') AND NOT (state = 'pending' AND rule <> '') ORDER BY run_at, seq LIMIT :limit

-- name: get
SELECT inbox.*, data FROM inbox LEFT JOIN document USING (seq) WHERE seq = :seq

-- name: open_hints
SELECT entity_id, state, stored_at, data FROM inbox LEFT JOIN document USING (seq)
WHERE source = 'bng' AND entity = :entity AND state IN ('pending', 'processing', 'dead')

-- name: of_entity
SELECT * FROM inbox WHERE source = :source AND entity = :entity AND entity_id = :entity_id AND site = :site ORDER BY seq

-- name: find_order
SELECT site, entity_id, increment_id FROM inbox
WHERE source = 'magento' AND entity = 'order' AND (increment_id = :order OR entity_id = :order)
GROUP BY site, entity_id ORDER BY increment_id = :order DESC

-- name: attempts
SELECT * FROM attempt WHERE seq = :seq ORDER BY number

-- name: last_documents
SELECT seq, site, entity, entity_id, data FROM inbox JOIN document USING (seq)
WHERE source = 'magento' AND entity = :entity AND kind IN ('snapshot', 'edited') AND site = coalesce(:site, site)
ORDER BY seq DESC LIMIT :limit

-- name: steps
SELECT * FROM step WHERE seq = :seq ORDER BY id

-- name: ends
-- Two look-ups; asked for both at once, SQLite reads the whole table.
SELECT coalesce((SELECT min(seq) FROM inbox), 1) AS first, coalesce((SELECT max(seq) FROM inbox), 0) AS last

-- name: stored_at
SELECT seq, stored_at FROM inbox WHERE seq >= :seq ORDER BY seq LIMIT 1

-- name: clean
-- Only among those that were stored before: the times have no index, `seq` grows with them.
-- A discarded state of the shop stays as long as it is the last word: told again after any time, it is still discarded.
DELETE FROM inbox WHERE seq IN (
    SELECT seq FROM inbox AS old
    WHERE seq < :below AND state IN ('done', 'skipped', 'superseded', 'discarded') AND settled_at < :before
      AND NOT (state = 'discarded' AND source = 'magento' AND kind IN ('snapshot', 'unreadable', 'hint') AND NOT EXISTS (
        SELECT 1 FROM inbox AS newer
        WHERE newer.source = old.source AND newer.entity = old.entity AND newer.entity_id = old.entity_id
          AND newer.site = old.site AND newer.seq > old.seq AND newer.state IN ('done', 'discarded')
          AND newer.kind <> 'edited'))
    LIMIT :limit)
RETURNING seq, site, source, entity, entity_id, kind, state, reason

-- name: keep_reason
UPDATE manifest SET excluded = :reason
WHERE source = :source AND site = :site AND entity = :entity AND entity_id = :entity_id

-- name: clean_steps
DELETE FROM step WHERE seq = ?

-- name: clean_attempts
DELETE FROM attempt WHERE seq = ?
