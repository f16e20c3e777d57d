-- name: common
SELECT shop, bng FROM common_state AS known WHERE target_key = :target_key
AND bng_id = coalesce((SELECT target_id FROM binding WHERE binding.target_key = known.target_key), '')

-- name: put_common
INSERT INTO common_state (target_key, bng_id, shop, bng, at)
VALUES (:target_key, coalesce((SELECT target_id FROM binding WHERE target_key = :target_key), ''), :shop, :bng, :now)
ON CONFLICT (target_key) DO UPDATE SET bng_id = excluded.bng_id, shop = excluded.shop, bng = excluded.bng, at = excluded.at

-- name: forget_common
DELETE FROM common_state WHERE target_key = :target_key

-- name: last_conflict
SELECT shop, bng, winner FROM conflict WHERE target_key = :target_key AND field = :field ORDER BY id DESC LIMIT 1

-- name: add_conflict
INSERT INTO conflict (at, seq, target_key, field, shop, bng, winner)
VALUES (:now, :seq, :target_key, :field, :shop, :bng, :winner)

-- name: conflicts
SELECT * FROM conflict WHERE coalesce(:target_key, target_key) = target_key ORDER BY id DESC LIMIT :limit

-- name: tell_apart
INSERT INTO unlinked (target_key, target_id, at) VALUES (:target_key, :target_id, :now)
ON CONFLICT DO NOTHING

-- name: put_together
DELETE FROM unlinked WHERE target_key = :target_key AND target_id = :target_id

-- name: told_apart
SELECT target_id FROM unlinked WHERE target_key = :target_key
