-- name: switch_on
INSERT INTO switched_flow (site, flow, since, at) VALUES (:site, :flow, :since, :now)
ON CONFLICT (site, flow) DO UPDATE SET since = excluded.since, at = excluded.at

-- name: switch_off
DELETE FROM switched_flow WHERE site = :site AND flow = :flow

-- name: get
SELECT since, at FROM switched_flow WHERE site = :site AND flow = :flow

-- name: all
SELECT site, flow, since, at FROM switched_flow ORDER BY site, flow
