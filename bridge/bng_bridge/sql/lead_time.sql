-- name: first_events
-- When the first row of each order's first event was written, as long as the inbox keeps it.
SELECT entity_id, min(committed_at) AS committed_at FROM inbox
WHERE source = 'magento' AND site = :site AND entity = 'order' AND committed_at IS NOT NULL
  AND entity_id IN (SELECT value FROM json_each(:ids))
GROUP BY entity_id

-- name: sales_orders
-- `is_as_made`: nothing was written to it since, so its facts are those of the answer to its creation.
SELECT each.value AS entity_id, binding.target_id, binding.facts, binding.applied_at = binding.bound_at AS is_as_made
FROM json_each(:ids) AS each
JOIN binding ON binding.target_key = :site || '/order/' || each.value || '/sales_order'
