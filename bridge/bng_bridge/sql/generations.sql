-- name: number
SELECT coalesce(max(number), 0) FROM generation WHERE site = :site AND entity = :entity AND first_id <= :id

-- name: begin
INSERT INTO generation (site, entity, number, first_id, at)
SELECT :site, :entity, 1 + coalesce(max(number), 0), :first_id, :now FROM generation WHERE site = :site AND entity = :entity
