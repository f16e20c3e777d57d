-- name: get
SELECT * FROM site WHERE site = :site

-- name: grant
INSERT INTO site (site, epoch, database_id, base_url, hello_at, instance)
VALUES (:site, :now_s, :database_id, :base_url, :now, :instance)
ON CONFLICT (site) DO UPDATE SET epoch = max(epoch + 1, excluded.epoch), hello_at = excluded.hello_at,
    instance = excluded.instance
RETURNING epoch

-- name: pin
UPDATE site SET database_id = :database_id, base_url = :base_url WHERE site = :site

-- name: hold
INSERT INTO hold (site, cause, reason, detail, at) VALUES (:site, :cause, :reason, :detail, :now)
ON CONFLICT (site, cause) DO UPDATE SET detail = excluded.detail

-- name: release
DELETE FROM hold WHERE site = :site AND cause = coalesce(:cause, cause)

-- name: holds
SELECT * FROM hold WHERE site = :site ORDER BY at

-- name: pause
INSERT INTO paused (target, reason, at) VALUES (:target, :reason, :now)
ON CONFLICT (target) DO UPDATE SET reason = excluded.reason, at = excluded.at

-- name: resume
DELETE FROM paused WHERE target = :target

-- name: paused
SELECT target, reason FROM paused

-- name: get_watermark
SELECT value FROM watermark WHERE name = :name

-- name: put_watermark
INSERT INTO watermark (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
