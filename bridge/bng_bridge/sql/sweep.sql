-- name: put
INSERT INTO manifest (source, site, entity, entity_id, name, day, total, currency, digest, state, excluded, listed_at)
VALUES ('bng', '', :entity, :entity_id, :name, :day, :total, :currency, '', :state, :excluded, :now)
ON CONFLICT (source, site, entity, entity_id) DO UPDATE SET name = excluded.name, day = excluded.day,
    total = excluded.total, currency = excluded.currency, state = excluded.state, listed_at = excluded.listed_at,
    excluded = CASE WHEN manifest.excluded = '' THEN excluded.excluded ELSE manifest.excluded END

-- name: put_gone
INSERT INTO manifest (source, site, entity, entity_id, name, day, total, currency, digest, state, listed_at)
VALUES ('bng', '', 'sales_order', :entity_id, :name, :day, '', '', '', 'deleted', :now)
ON CONFLICT (source, site, entity, entity_id) DO UPDATE SET state = excluded.state, listed_at = excluded.listed_at

-- name: bound_sales_orders
SELECT b.site, b.target_key, b.target_id, b.facts ->> '$.CreatedAt' AS created_at, b.bound_at,
       m.name, m.state, m.listed_at
FROM binding AS b LEFT JOIN manifest AS m
    ON m.source = 'bng' AND m.site = '' AND m.entity = b.entity AND m.entity_id = b.target_id
WHERE b.target = 'bng' AND b.entity = 'sales_order' AND b.bound_at < :began
  AND coalesce(b.facts ->> '$.CreatedAt', b.bound_at) >= :since
