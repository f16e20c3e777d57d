-- name: get
SELECT * FROM backfill WHERE id = :id

-- name: all
SELECT * FROM backfill WHERE site = coalesce(:site, site) ORDER BY id

-- name: begin
INSERT INTO backfill (site, entity, first_day, last_day, since, until, state, began_at, began_by)
VALUES (:site, :entity, :first_day, :last_day, :since, :until, 'running', :now, :who)
RETURNING id

-- name: unfinished
SELECT * FROM backfill WHERE site = :site AND state IN ('running', 'paused') ORDER BY id

-- name: covering
SELECT since FROM backfill
WHERE site = :site AND entity = :entity AND since <= :created_at AND until > :created_at AND last_id >= :entity_id
LIMIT 1

-- name: set_state
UPDATE backfill SET state = :state, ended_at = CASE WHEN :state IN ('done', 'cancelled') THEN :now END
WHERE id = :id AND state IN ('running', 'paused')

-- name: count
UPDATE backfill SET total = :total WHERE id = :id

-- name: open
INSERT INTO backfill_open (site, entity, entity_id, backfill, asked_seq)
VALUES (:site, :entity, :entity_id, :id, :asked_seq)
ON CONFLICT (site, entity, entity_id) DO UPDATE SET backfill = excluded.backfill, asked_seq = excluded.asked_seq

-- name: hand_over
UPDATE backfill SET last_id = :last_id, handed = handed + :handed, sums = :sums WHERE id = :id

-- name: opened
-- What is superseded has a newer one.
SELECT entity_id, (
    SELECT CASE WHEN state = 'pending' AND run_at > :later THEN 'waiting' ELSE state END FROM inbox
    WHERE source = 'magento' AND inbox.site = open.site AND inbox.entity = open.entity AND inbox.entity_id = open.entity_id
      AND seq > open.asked_seq AND state <> 'superseded'
    ORDER BY seq DESC LIMIT 1) AS state
FROM backfill_open AS open WHERE site = :site AND entity = :entity AND backfill = :id

-- name: close
DELETE FROM backfill_open WHERE site = :site AND entity = :entity AND entity_id = :entity_id

-- name: close_all
DELETE FROM backfill_open WHERE backfill = :id

-- name: settle
UPDATE backfill SET done = done + :done, skipped = skipped + :skipped, dead = dead + :dead WHERE id = :id
