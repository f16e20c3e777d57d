-- name: get
SELECT * FROM site WHERE site = :site

-- name: grant
INSERT INTO site (site, epoch, database_id, base_url, hello_at) VALUES (:site, :now_s, :database_id, :base_url, :now)
ON CONFLICT (site) DO UPDATE SET epoch = max(epoch + 1, excluded.epoch), hello_at = excluded.hello_at
RETURNING epoch

-- name: get_watermark
SELECT value FROM watermark WHERE name = :name

-- name: put_watermark
INSERT INTO watermark (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
