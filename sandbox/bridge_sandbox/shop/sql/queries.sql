-- Named statements of the sandbox shop. `#` before a name stands for the table prefix.

-- name: has_table
SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s;

-- name: column_names
SELECT column_name AS name FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position;

-- name: goods
SELECT e.sku, e.entity_id, e.type_id, f.name, f.price, f.weight
FROM #catalog_product_entity e JOIN #catalog_product_flat_1 f ON f.entity_id = e.entity_id;

-- Stock

-- name: salable_quantity
SELECT (SELECT COALESCE(SUM(i.quantity), 0) FROM #inventory_source_item i
        JOIN #inventory_source s ON s.source_code = i.source_code AND s.enabled = 1
        WHERE i.sku = %s AND i.status = 1)
     + (SELECT COALESCE(SUM(quantity), 0) FROM #inventory_reservation WHERE stock_id = %s AND sku = %s);

-- name: deduct_source_item
UPDATE #inventory_source_item SET quantity = quantity - %s
WHERE source_code = %s AND sku = %s AND quantity >= %s;

-- name: return_source_item
UPDATE #inventory_source_item SET quantity = quantity + %s WHERE source_code = %s AND sku = %s;

-- Checkout

-- name: customer
SELECT * FROM #customer_entity WHERE entity_id = %s;

-- name: keep_customer
SELECT 1 FROM #customer_entity WHERE entity_id = %s LOCK IN SHARE MODE;

-- name: insert_order_grid
INSERT INTO #sales_order_grid
  (entity_id, status, store_id, store_name, customer_id, base_grand_total, grand_total, increment_id,
   base_currency_code, order_currency_code, shipping_name, billing_name, created_at, updated_at,
   billing_address, shipping_address, shipping_information, customer_email, customer_group, subtotal,
   shipping_and_handling, customer_name, payment_method)
SELECT o.entity_id, o.status, o.store_id, o.store_name, o.customer_id, o.base_grand_total, o.grand_total,
       o.increment_id, o.base_currency_code, o.order_currency_code, CONCAT(s.firstname, ' ', s.lastname),
       CONCAT(b.firstname, ' ', b.lastname), o.created_at, o.updated_at,
       CONCAT_WS(',', b.street, b.city, b.region, b.postcode),
       CONCAT_WS(',', s.street, s.city, s.region, s.postcode), o.shipping_description, o.customer_email,
       o.customer_group_id, o.base_subtotal, o.base_shipping_amount,
       CONCAT(o.customer_firstname, ' ', o.customer_lastname), %s
FROM #sales_order o
JOIN #sales_order_address b ON b.entity_id = o.billing_address_id
LEFT JOIN #sales_order_address s ON s.entity_id = o.shipping_address_id
WHERE o.entity_id = %s;

-- name: mark_email_sent
UPDATE #sales_order SET email_sent = 1, send_email = 1, updated_at = CURRENT_TIMESTAMP WHERE entity_id = %s;

-- Order documents

-- name: orders
SELECT * FROM #sales_order WHERE entity_id IN %s;

-- name: order_items
SELECT * FROM #sales_order_item WHERE order_id IN %s ORDER BY item_id;

-- name: single_order_items
SELECT * FROM #sales_order_item WHERE item_id IN %s;

-- name: order_addresses
SELECT * FROM #sales_order_address WHERE parent_id IN %s ORDER BY entity_id;

-- name: transactions
SELECT * FROM #sales_payment_transaction WHERE transaction_id IN %s;

-- name: order_extras
SELECT * FROM #sandbox_order_extra WHERE order_id IN %s ORDER BY name;

-- name: order_payments
SELECT * FROM #sales_order_payment WHERE parent_id IN %s;

-- name: order_histories
SELECT * FROM #sales_order_status_history WHERE parent_id IN %s ORDER BY created_at DESC, entity_id DESC;

-- Book

-- name: book_orders
SELECT entity_id, increment_id, state, status, grand_total, total_paid, total_refunded, total_online_refunded, customer_id,
       customer_email, created_at
FROM #sales_order ORDER BY entity_id;

-- name: book_order_items
SELECT order_id, item_id, parent_item_id, sku, qty_ordered, qty_shipped, qty_invoiced, qty_refunded, qty_canceled
FROM #sales_order_item ORDER BY item_id;

-- name: book_shipments
SELECT entity_id, order_id, increment_id, created_at FROM #sales_shipment ORDER BY entity_id;

-- name: book_shipment_items
SELECT parent_id, order_item_id, qty, sku FROM #sales_shipment_item ORDER BY entity_id;

-- name: book_tracks
SELECT parent_id, track_number, title, carrier_code FROM #sales_shipment_track ORDER BY entity_id;

-- name: book_shipment_comments
SELECT parent_id, comment FROM #sales_shipment_comment ORDER BY entity_id;

-- name: book_invoices
SELECT entity_id, order_id, increment_id, state, grand_total, base_grand_total, transaction_id, created_at
FROM #sales_invoice ORDER BY entity_id;

-- name: book_invoice_items
SELECT parent_id, order_item_id, qty, sku FROM #sales_invoice_item ORDER BY entity_id;

-- name: book_invoice_comments
SELECT parent_id, comment FROM #sales_invoice_comment ORDER BY entity_id;

-- name: book_credit_memos
SELECT entity_id, order_id, invoice_id, increment_id, state, grand_total, base_grand_total, transaction_id, created_at
FROM #sales_creditmemo ORDER BY entity_id;

-- name: book_credit_memo_items
SELECT parent_id, order_item_id, qty, sku FROM #sales_creditmemo_item ORDER BY entity_id;

-- name: book_credit_memo_comments
SELECT parent_id, comment FROM #sales_creditmemo_comment ORDER BY entity_id;

-- name: book_transactions
SELECT transaction_id, order_id, txn_id, parent_txn_id, txn_type, created_at
FROM #sales_payment_transaction ORDER BY transaction_id;

-- name: book_source_items
SELECT sku, source_code, quantity, status FROM #inventory_source_item ORDER BY source_item_id;

-- name: book_customers
SELECT entity_id FROM #customer_entity ORDER BY entity_id;

-- Customers

-- name: customers
SELECT * FROM #customer_entity WHERE entity_id IN %s;

-- name: customer_addresses
SELECT * FROM #customer_address_entity WHERE parent_id IN %s ORDER BY entity_id;

-- name: subscribed_customers
SELECT customer_id FROM #newsletter_subscriber WHERE customer_id IN %s AND subscriber_status = 1;

-- name: subscriber
SELECT subscriber_id, subscriber_status FROM #newsletter_subscriber WHERE customer_id = %s;

-- name: lock_customer
SELECT * FROM #customer_entity WHERE entity_id = %s FOR UPDATE;

-- name: customer_with_email
SELECT entity_id FROM #customer_entity WHERE email = %s AND website_id = %s;

-- name: customer_address_ids
SELECT entity_id FROM #customer_address_entity WHERE parent_id = %s;

-- name: delete_customer_address
DELETE FROM #customer_address_entity WHERE entity_id = %s AND parent_id = %s;

-- name: touch_customer_addresses
UPDATE #customer_address_entity SET updated_at = CURRENT_TIMESTAMP WHERE parent_id = %s;

-- name: touch_customer
UPDATE #customer_entity SET rp_token = %s, updated_at = CURRENT_TIMESTAMP WHERE entity_id = %s;

-- name: orders_of_customer
SELECT entity_id FROM #sales_order WHERE customer_id = %s ORDER BY entity_id;

-- name: rewrite_order_email
UPDATE #sales_order SET customer_email = %s, updated_at = CURRENT_TIMESTAMP WHERE entity_id = %s;

-- name: rewrite_grid_email
UPDATE #sales_order_grid SET customer_email = %s, updated_at = CURRENT_TIMESTAMP WHERE entity_id = %s;

-- name: rewrite_subscriber_email
UPDATE #newsletter_subscriber SET subscriber_email = %s WHERE customer_id = %s;

-- name: delete_customer
DELETE FROM #customer_entity WHERE entity_id = %s;

-- Changes to orders

-- name: lock_order
SELECT * FROM #sales_order WHERE entity_id = %s FOR UPDATE;

-- name: items_of_order
SELECT i.*, p.sku AS product_sku FROM #sales_order_item i
LEFT JOIN #catalog_product_entity p ON p.entity_id = i.product_id WHERE i.order_id = %s ORDER BY i.item_id;

-- name: fire_payment
UPDATE #sales_order_payment SET method = method WHERE parent_id = %s;

-- name: refresh_order_grid
UPDATE #sales_order_grid g JOIN #sales_order o ON o.entity_id = g.entity_id
SET g.status = o.status, g.updated_at = o.updated_at, g.customer_email = o.customer_email,
    g.base_total_paid = o.base_total_paid, g.total_paid = o.total_paid, g.total_refunded = o.total_refunded
WHERE o.entity_id = %s;

-- name: raise_qty_shipped
UPDATE #sales_order_item SET qty_shipped = qty_shipped + %s WHERE item_id = %s;

-- name: cancel_item
UPDATE #sales_order_item
SET qty_canceled = %s, tax_canceled = tax_amount * %s / qty_ordered, discount_tax_compensation_canceled = 0
WHERE item_id = %s;

-- name: cancel_order
UPDATE #sales_order
SET state = %s, status = %s,
    base_discount_canceled = ABS(base_discount_amount) - ABS(COALESCE(base_discount_invoiced, 0)),
    base_subtotal_canceled = base_subtotal - COALESCE(base_subtotal_invoiced, 0),
    base_tax_canceled = base_tax_amount - COALESCE(base_tax_invoiced, 0),
    base_shipping_canceled = base_shipping_amount - COALESCE(base_shipping_invoiced, 0),
    base_total_canceled = base_grand_total - COALESCE(base_total_paid, 0),
    discount_canceled = ABS(discount_amount) - ABS(COALESCE(discount_invoiced, 0)),
    subtotal_canceled = subtotal - COALESCE(subtotal_invoiced, 0),
    tax_canceled = tax_amount - COALESCE(tax_invoiced, 0),
    shipping_canceled = shipping_amount - COALESCE(shipping_invoiced, 0),
    total_canceled = grand_total - COALESCE(total_paid, 0)
WHERE entity_id = %s;

-- name: order_status
SELECT status FROM #sales_order WHERE entity_id = %s;

-- name: shipping_address
SELECT * FROM #sales_order_address WHERE parent_id = %s AND address_type = 'shipping';

-- Invoices

-- name: invoices
SELECT * FROM #sales_invoice WHERE entity_id IN %s;

-- name: order_of_invoice
SELECT order_id FROM #sales_invoice WHERE entity_id = %s;

-- name: last_paid_invoice
SELECT entity_id FROM #sales_invoice WHERE order_id = %s AND state = 2 ORDER BY entity_id DESC;

-- name: insert_invoice_grid
INSERT INTO #sales_invoice_grid
  (entity_id, increment_id, state, store_id, order_id, order_increment_id, order_created_at, billing_name, customer_name,
   customer_email, payment_method, subtotal, shipping_and_handling, base_grand_total, grand_total, order_currency_code,
   created_at, updated_at)
SELECT i.entity_id, i.increment_id, i.state, i.store_id, o.entity_id, o.increment_id, o.created_at,
       CONCAT(b.firstname, ' ', b.lastname), CONCAT(o.customer_firstname, ' ', o.customer_lastname), o.customer_email,
       p.method, i.subtotal, i.shipping_amount, i.base_grand_total, i.grand_total, i.order_currency_code,
       i.created_at, i.updated_at
FROM #sales_invoice i
JOIN #sales_order o ON o.entity_id = i.order_id
JOIN #sales_order_address b ON b.entity_id = o.billing_address_id
JOIN #sales_order_payment p ON p.parent_id = o.entity_id
WHERE i.entity_id = %s;

-- name: refresh_invoice_grid
UPDATE #sales_invoice_grid g JOIN #sales_invoice i ON i.entity_id = g.entity_id
SET g.state = i.state, g.updated_at = i.updated_at WHERE g.entity_id = %s;

-- Credit memos

-- name: refundable_of_invoice
SELECT i.order_item_id, i.qty - COALESCE(
         (SELECT SUM(r.qty) FROM #sales_creditmemo_item r JOIN #sales_creditmemo m ON m.entity_id = r.parent_id
          WHERE m.invoice_id = %s AND r.order_item_id = i.order_item_id), 0) AS quantity
FROM #sales_invoice_item i WHERE i.parent_id = %s;

-- name: transaction_of
SELECT * FROM #sales_payment_transaction WHERE payment_id = %s AND txn_id = %s;

-- name: insert_credit_memo_grid
INSERT INTO #sales_creditmemo_grid
  (entity_id, increment_id, state, store_id, order_id, order_increment_id, order_created_at, billing_name, customer_name,
   customer_email, payment_method, subtotal, shipping_and_handling, base_grand_total, order_status, adjustment_positive,
   adjustment_negative, order_base_grand_total, created_at, updated_at)
SELECT m.entity_id, m.increment_id, m.state, m.store_id, o.entity_id, o.increment_id, o.created_at,
       CONCAT(b.firstname, ' ', b.lastname), CONCAT(o.customer_firstname, ' ', o.customer_lastname), o.customer_email,
       p.method, m.subtotal, m.shipping_amount, m.base_grand_total, o.status, m.adjustment_positive,
       m.adjustment_negative, o.base_grand_total, m.created_at, m.updated_at
FROM #sales_creditmemo m
JOIN #sales_order o ON o.entity_id = m.order_id
JOIN #sales_order_address b ON b.entity_id = o.billing_address_id
JOIN #sales_order_payment p ON p.parent_id = o.entity_id
WHERE m.entity_id = %s;

-- Shipments

-- name: insert_shipment_grid
INSERT INTO #sales_shipment_grid
  (entity_id, increment_id, store_id, order_increment_id, order_id, order_created_at, customer_name, total_qty,
   order_status, created_at, updated_at)
SELECT s.entity_id, s.increment_id, s.store_id, o.increment_id, o.entity_id, o.created_at,
       CONCAT(o.customer_firstname, ' ', o.customer_lastname), s.total_qty, o.status, s.created_at, s.updated_at
FROM #sales_shipment s JOIN #sales_order o ON o.entity_id = s.order_id WHERE s.entity_id = %s;

-- name: refresh_shipment_grid
UPDATE #sales_shipment_grid g JOIN #sales_order o ON o.entity_id = g.order_id
SET g.order_status = o.status WHERE g.entity_id = %s;

-- name: shipments
SELECT s.*, i.source_code FROM #sales_shipment s
LEFT JOIN #inventory_shipment_source i ON i.shipment_id = s.entity_id WHERE s.entity_id IN %s;

-- name: shipment_items
SELECT * FROM #sales_shipment_item WHERE parent_id IN %s ORDER BY entity_id;

-- name: shipment_tracks
SELECT * FROM #sales_shipment_track WHERE parent_id IN %s ORDER BY entity_id;

-- name: shipment_comments
SELECT * FROM #sales_shipment_comment WHERE parent_id IN %s ORDER BY entity_id;

-- name: track
SELECT * FROM #sales_shipment_track WHERE entity_id = %s;

-- Source items

-- name: source_items
SELECT source_item_id, sku, source_code, quantity, status FROM #inventory_source_item WHERE source_item_id IN %s;

-- name: has_source
SELECT 1 FROM #inventory_source WHERE source_code = %s;

-- Products

-- name: products
SELECT e.entity_id, e.sku, e.type_id, e.attribute_set_id, e.has_options, e.required_options, e.created_at,
       e.updated_at, f.name, f.price, f.weight, f.status, f.visibility, f.url_key, f.price_type, f.shipment_type,
       (SELECT SUM(i.quantity) FROM #inventory_source_item i WHERE i.sku = e.sku) AS quantity,
       (SELECT MAX(i.status) FROM #inventory_source_item i WHERE i.sku = e.sku) AS stock_status
FROM #catalog_product_entity e JOIN #catalog_product_flat_1 f ON f.entity_id = e.entity_id
WHERE e.entity_id IN %s;

-- name: touch_product
UPDATE #catalog_product_entity SET updated_at = CURRENT_TIMESTAMP WHERE entity_id = %s;

-- name: product_id
SELECT entity_id FROM #catalog_product_entity WHERE sku = %s;

-- Stores

-- name: stores
SELECT s.store_id, s.code, s.website_id, s.name, w.name AS website_name, g.name AS group_name
FROM #store s JOIN #store_website w ON w.website_id = s.website_id JOIN #store_group g ON g.group_id = s.group_id
WHERE s.store_id > 0 ORDER BY s.store_id;

-- name: store_settings
SELECT scope_id, path, value FROM #core_config_data WHERE scope = 'stores';

-- name: currency_rates
SELECT currency_from, currency_to, rate FROM #directory_currency_rate;

-- name: set_currency_rate
REPLACE INTO #directory_currency_rate (currency_from, currency_to, rate) VALUES (%s, %s, %s);

-- name: website
SELECT website_id, default_group_id FROM #store_website WHERE code = %s;

-- name: set_stock_item
INSERT INTO #inventory_source_item (source_code, sku, quantity, status) VALUES (%s, %s, %s, %s)
ON DUPLICATE KEY UPDATE quantity = COALESCE(%s, quantity), status = COALESCE(%s, status);

-- name: set_source_item
INSERT INTO #inventory_source_item (source_code, sku, quantity, status) VALUES (%s, %s, %s, %s)
ON DUPLICATE KEY UPDATE quantity = VALUES(quantity), status = VALUES(status);
