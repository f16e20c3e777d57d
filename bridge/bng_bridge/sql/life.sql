-- name: get
SELECT * FROM life

-- name: rename
UPDATE life SET value = :value

-- name: note_restored
UPDATE life SET restored_at = :now, is_open = :is_open
