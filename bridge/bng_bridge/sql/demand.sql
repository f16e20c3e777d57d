-- name: open_orders
-- 40 complete, 50 closed, 90 cancelled: as the bridge wrote it, or as it told the shop.
SELECT ours.target_id, coalesce(ours.facts ->> '$.CreatedAt', ours.bound_at) AS created_at FROM binding AS ours
WHERE ours.site = :site AND ours.target = 'bng' AND ours.entity = 'sales_order' AND instr(ours.target_key, '/replaced-') = 0
  AND coalesce(ours.facts ->> '$.OrderStatus', 0) NOT IN (40, 50, 90)
  AND NOT EXISTS (
    SELECT 1 FROM binding AS told
    WHERE told.target_key = substr(ours.target_key, 1, length(ours.target_key) - length('sales_order')) || 'order_status'
      AND told.facts ->> '$.OrderStatus' IN (40, 50, 90))
  AND NOT EXISTS (
    SELECT 1 FROM binding AS undone
    WHERE undone.target_key = substr(ours.target_key, 1, length(ours.target_key) - length('sales_order')) || 'cancellation')
ORDER BY ours.bound_at
