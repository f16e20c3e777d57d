-- The part of Magento's schema that the sandbox shop works with: Magento's names and column types, fewer columns.
-- `#` before a name stands for the table prefix. Statements end with a semicolon at the end of a line.

CREATE TABLE #store_website (
  website_id smallint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(32) UNIQUE,
  name varchar(64),
  sort_order smallint unsigned NOT NULL DEFAULT 0,
  default_group_id smallint unsigned NOT NULL DEFAULT 0,
  is_default smallint unsigned DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #store_group (
  group_id smallint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  website_id smallint unsigned NOT NULL DEFAULT 0,
  name varchar(255) NOT NULL,
  root_category_id int unsigned NOT NULL DEFAULT 0,
  default_store_id smallint unsigned NOT NULL DEFAULT 0,
  code varchar(32) UNIQUE,
  FOREIGN KEY (website_id) REFERENCES #store_website (website_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #store (
  store_id smallint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  code varchar(32) UNIQUE,
  website_id smallint unsigned NOT NULL DEFAULT 0,
  group_id smallint unsigned NOT NULL DEFAULT 0,
  name varchar(255) NOT NULL,
  sort_order smallint unsigned NOT NULL DEFAULT 0,
  is_active smallint unsigned NOT NULL DEFAULT 0,
  FOREIGN KEY (website_id) REFERENCES #store_website (website_id) ON DELETE CASCADE,
  FOREIGN KEY (group_id) REFERENCES #store_group (group_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #core_config_data (
  config_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  scope varchar(8) NOT NULL DEFAULT 'default',
  scope_id int NOT NULL DEFAULT 0,
  path varchar(255) NOT NULL DEFAULT 'general',
  value text,
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  UNIQUE KEY (scope, scope_id, path)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #directory_currency_rate (
  currency_from varchar(3) NOT NULL,
  currency_to varchar(3) NOT NULL,
  rate decimal(24,12) NOT NULL DEFAULT 0,
  PRIMARY KEY (currency_from, currency_to)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #catalog_product_entity (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  attribute_set_id smallint unsigned NOT NULL DEFAULT 4,
  type_id varchar(32) NOT NULL DEFAULT 'simple',
  sku varchar(64) NOT NULL,
  has_options smallint NOT NULL DEFAULT 0,
  required_options smallint unsigned NOT NULL DEFAULT 0,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  KEY (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

-- Magento keeps these values in entity-attribute-value tables; one flat row a product is enough here.
CREATE TABLE #catalog_product_flat_1 (
  entity_id int unsigned NOT NULL PRIMARY KEY,
  name varchar(255),
  price decimal(20,6),
  weight decimal(20,6),
  status smallint NOT NULL DEFAULT 1,
  visibility smallint NOT NULL DEFAULT 4,
  url_key varchar(255),
  price_type smallint,
  shipment_type smallint,
  FOREIGN KEY (entity_id) REFERENCES #catalog_product_entity (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #inventory_source (
  source_code varchar(255) NOT NULL PRIMARY KEY,
  name varchar(255) NOT NULL,
  enabled smallint unsigned NOT NULL DEFAULT 1,
  country_id varchar(2) NOT NULL,
  postcode varchar(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #inventory_source_item (
  source_item_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  source_code varchar(255) NOT NULL,
  sku varchar(64) NOT NULL,
  quantity decimal(12,4) NOT NULL DEFAULT 0,
  status smallint unsigned NOT NULL DEFAULT 0,
  UNIQUE KEY (source_code, sku),
  KEY (sku, source_code, quantity),
  FOREIGN KEY (source_code) REFERENCES #inventory_source (source_code) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #inventory_reservation (
  reservation_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  stock_id int unsigned NOT NULL,
  sku varchar(64) NOT NULL,
  quantity decimal(10,4) NOT NULL DEFAULT 0,
  metadata varchar(255),
  KEY (stock_id, sku, quantity)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #inventory_shipment_source (
  shipment_id int unsigned NOT NULL PRIMARY KEY,
  source_code varchar(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #customer_entity (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  website_id smallint unsigned,
  email varchar(255),
  group_id smallint unsigned NOT NULL DEFAULT 0,
  increment_id varchar(50),
  store_id smallint unsigned DEFAULT 0,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  is_active smallint unsigned NOT NULL DEFAULT 1,
  disable_auto_group_change smallint unsigned NOT NULL DEFAULT 0,
  created_in varchar(255),
  prefix varchar(40),
  firstname varchar(255),
  middlename varchar(255),
  lastname varchar(255),
  suffix varchar(40),
  dob date,
  password_hash varchar(128),
  rp_token varchar(128),
  rp_token_created_at datetime,
  default_billing int unsigned,
  default_shipping int unsigned,
  taxvat varchar(50),
  gender smallint unsigned,
  UNIQUE KEY (email, website_id),
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL,
  FOREIGN KEY (website_id) REFERENCES #store_website (website_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #customer_address_entity (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  is_active smallint unsigned NOT NULL DEFAULT 1,
  city varchar(255) NOT NULL,
  company varchar(255),
  country_id varchar(255) NOT NULL,
  fax varchar(255),
  firstname varchar(255) NOT NULL,
  lastname varchar(255) NOT NULL,
  middlename varchar(255),
  postcode varchar(255),
  prefix varchar(40),
  region varchar(255),
  region_id int unsigned,
  street text NOT NULL,
  suffix varchar(40),
  telephone varchar(255) NOT NULL,
  vat_id varchar(255),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #customer_entity (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #newsletter_subscriber (
  subscriber_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_id smallint unsigned DEFAULT 0,
  change_status_at timestamp NULL,
  customer_id int unsigned NOT NULL DEFAULT 0,
  subscriber_email varchar(150),
  subscriber_status int NOT NULL DEFAULT 0,
  KEY (customer_id),
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sequence_order_1 (
  sequence_value int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE #sequence_shipment_1 (
  sequence_value int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE #sequence_invoice_1 (
  sequence_value int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE #sequence_creditmemo_1 (
  sequence_value int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE #sales_order_status (
  status varchar(32) NOT NULL PRIMARY KEY,
  label varchar(128) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_status_state (
  status varchar(32) NOT NULL,
  state varchar(32) NOT NULL,
  is_default smallint unsigned NOT NULL DEFAULT 0,
  visible_on_front smallint unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (status, state),
  FOREIGN KEY (status) REFERENCES #sales_order_status (status) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  state varchar(32),
  status varchar(32),
  coupon_code varchar(255),
  protect_code varchar(255),
  shipping_description varchar(255),
  is_virtual smallint unsigned,
  store_id smallint unsigned,
  customer_id int unsigned,
  base_discount_amount decimal(20,4),
  base_discount_canceled decimal(20,4),
  base_discount_invoiced decimal(20,4),
  base_grand_total decimal(20,4),
  base_shipping_amount decimal(20,4),
  base_shipping_canceled decimal(20,4),
  base_shipping_invoiced decimal(20,4),
  base_shipping_tax_amount decimal(20,4),
  base_subtotal decimal(20,4),
  base_subtotal_canceled decimal(20,4),
  base_subtotal_invoiced decimal(20,4),
  base_tax_amount decimal(20,4),
  base_tax_canceled decimal(20,4),
  base_tax_invoiced decimal(20,4),
  base_to_global_rate decimal(20,4),
  base_to_order_rate decimal(20,4),
  base_total_canceled decimal(20,4),
  base_total_invoiced decimal(20,4),
  base_total_invoiced_cost decimal(20,4),
  base_total_paid decimal(20,4),
  base_total_refunded decimal(20,4),
  discount_amount decimal(20,4),
  discount_canceled decimal(20,4),
  discount_invoiced decimal(20,4),
  grand_total decimal(20,4),
  shipping_amount decimal(20,4),
  shipping_canceled decimal(20,4),
  shipping_invoiced decimal(20,4),
  shipping_tax_amount decimal(20,4),
  store_to_base_rate decimal(12,4),
  store_to_order_rate decimal(12,4),
  subtotal decimal(20,4),
  subtotal_canceled decimal(20,4),
  subtotal_invoiced decimal(20,4),
  tax_amount decimal(20,4),
  tax_canceled decimal(20,4),
  tax_invoiced decimal(20,4),
  total_canceled decimal(20,4),
  total_invoiced decimal(20,4),
  total_paid decimal(20,4),
  total_qty_ordered decimal(12,4),
  total_refunded decimal(20,4),
  customer_is_guest smallint unsigned,
  customer_note_notify smallint unsigned,
  billing_address_id int,
  customer_group_id int,
  edit_increment int,
  email_sent smallint unsigned,
  send_email smallint unsigned,
  quote_id int,
  shipping_address_id int,
  base_shipping_discount_amount decimal(20,4),
  base_subtotal_incl_tax decimal(20,4),
  base_total_due decimal(20,4),
  shipping_discount_amount decimal(20,4),
  subtotal_incl_tax decimal(20,4),
  total_due decimal(20,4),
  weight decimal(12,4),
  increment_id varchar(50),
  applied_rule_ids varchar(128),
  base_currency_code varchar(3),
  customer_email varchar(128),
  customer_firstname varchar(128),
  customer_lastname varchar(128),
  discount_description varchar(255),
  ext_customer_id varchar(32),
  ext_order_id varchar(32),
  global_currency_code varchar(3),
  hold_before_state varchar(32),
  hold_before_status varchar(32),
  order_currency_code varchar(3),
  original_increment_id varchar(50),
  relation_child_id varchar(32),
  relation_child_real_id varchar(32),
  relation_parent_id varchar(32),
  relation_parent_real_id varchar(32),
  remote_ip varchar(45),
  shipping_method varchar(120),
  store_currency_code varchar(3),
  store_name varchar(255),
  customer_note text,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  total_item_count smallint unsigned NOT NULL DEFAULT 0,
  discount_tax_compensation_amount decimal(20,4),
  base_discount_tax_compensation_amount decimal(20,4),
  shipping_discount_tax_compensation_amount decimal(20,4),
  base_shipping_discount_tax_compensation_amnt decimal(20,4),
  discount_tax_compensation_invoiced decimal(20,4),
  base_discount_tax_compensation_invoiced decimal(20,4),
  shipping_incl_tax decimal(20,4),
  base_shipping_incl_tax decimal(20,4),
  coupon_rule_name varchar(255),
  discount_refunded decimal(20,4),
  base_discount_refunded decimal(20,4),
  shipping_refunded decimal(20,4),
  base_shipping_refunded decimal(20,4),
  shipping_tax_refunded decimal(20,4),
  base_shipping_tax_refunded decimal(20,4),
  subtotal_refunded decimal(20,4),
  base_subtotal_refunded decimal(20,4),
  tax_refunded decimal(20,4),
  base_tax_refunded decimal(20,4),
  discount_tax_compensation_refunded decimal(20,4),
  base_discount_tax_compensation_refunded decimal(20,4),
  total_offline_refunded decimal(20,4),
  base_total_offline_refunded decimal(20,4),
  total_online_refunded decimal(20,4),
  base_total_online_refunded decimal(20,4),
  adjustment_positive decimal(20,4),
  base_adjustment_positive decimal(20,4),
  adjustment_negative decimal(20,4),
  base_adjustment_negative decimal(20,4),
  UNIQUE KEY (increment_id, store_id),
  KEY (status),
  KEY (state),
  KEY (created_at),
  KEY (updated_at),
  KEY (customer_id),
  KEY (ext_order_id),
  FOREIGN KEY (customer_id) REFERENCES #customer_entity (entity_id) ON DELETE SET NULL,
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_item (
  item_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id int unsigned NOT NULL DEFAULT 0,
  parent_item_id int unsigned,
  quote_item_id int unsigned,
  store_id smallint unsigned,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  product_id int unsigned,
  product_type varchar(255),
  product_options longtext,
  weight decimal(12,4) DEFAULT 0,
  is_virtual smallint unsigned,
  sku varchar(255),
  name varchar(255),
  applied_rule_ids text,
  is_qty_decimal smallint unsigned,
  no_discount smallint unsigned NOT NULL DEFAULT 0,
  qty_canceled decimal(12,4) DEFAULT 0,
  qty_invoiced decimal(12,4) DEFAULT 0,
  qty_ordered decimal(12,4) DEFAULT 0,
  qty_refunded decimal(12,4) DEFAULT 0,
  qty_shipped decimal(12,4) DEFAULT 0,
  price decimal(20,4) NOT NULL DEFAULT 0,
  base_price decimal(20,4) NOT NULL DEFAULT 0,
  original_price decimal(20,4),
  base_original_price decimal(20,4),
  tax_percent decimal(12,4),
  tax_amount decimal(20,4) DEFAULT 0,
  base_tax_amount decimal(20,4) DEFAULT 0,
  tax_invoiced decimal(20,4) DEFAULT 0,
  base_tax_invoiced decimal(20,4) DEFAULT 0,
  discount_percent decimal(12,4) DEFAULT 0,
  discount_amount decimal(20,4) DEFAULT 0,
  base_discount_amount decimal(20,4) DEFAULT 0,
  discount_invoiced decimal(20,4) DEFAULT 0,
  base_discount_invoiced decimal(20,4) DEFAULT 0,
  amount_refunded decimal(20,4) DEFAULT 0,
  base_amount_refunded decimal(20,4) DEFAULT 0,
  row_total decimal(20,4) NOT NULL DEFAULT 0,
  base_row_total decimal(20,4) NOT NULL DEFAULT 0,
  row_invoiced decimal(20,4) NOT NULL DEFAULT 0,
  base_row_invoiced decimal(20,4) NOT NULL DEFAULT 0,
  row_weight decimal(12,4) DEFAULT 0,
  ext_order_item_id varchar(255),
  price_incl_tax decimal(20,4),
  base_price_incl_tax decimal(20,4),
  row_total_incl_tax decimal(20,4),
  base_row_total_incl_tax decimal(20,4),
  discount_tax_compensation_amount decimal(20,4),
  base_discount_tax_compensation_amount decimal(20,4),
  discount_tax_compensation_invoiced decimal(20,4),
  base_discount_tax_compensation_invoiced decimal(20,4),
  discount_refunded decimal(20,4),
  base_discount_refunded decimal(20,4),
  tax_refunded decimal(20,4),
  base_tax_refunded decimal(20,4),
  discount_tax_compensation_refunded decimal(20,4),
  base_discount_tax_compensation_refunded decimal(20,4),
  tax_canceled decimal(12,4),
  discount_tax_compensation_canceled decimal(20,4),
  free_shipping smallint unsigned NOT NULL DEFAULT 0,
  weee_tax_applied text,
  KEY (order_id),
  FOREIGN KEY (order_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE,
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_payment (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  base_shipping_captured decimal(20,4),
  shipping_captured decimal(20,4),
  amount_refunded decimal(20,4),
  base_amount_refunded_online decimal(20,4),
  base_shipping_refunded decimal(20,4),
  shipping_refunded decimal(20,4),
  base_amount_paid decimal(20,4),
  amount_canceled decimal(20,4),
  base_shipping_amount decimal(20,4),
  shipping_amount decimal(20,4),
  amount_paid decimal(20,4),
  base_amount_ordered decimal(20,4),
  base_amount_refunded decimal(20,4),
  amount_ordered decimal(20,4),
  base_amount_canceled decimal(20,4),
  method varchar(128),
  cc_last_4 varchar(100),
  last_trans_id varchar(255),
  po_number varchar(32),
  account_status varchar(32),
  additional_information text,
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_address (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned,
  customer_address_id int,
  region_id int,
  customer_id int,
  fax varchar(255),
  region varchar(255),
  postcode varchar(255),
  lastname varchar(255),
  street varchar(255),
  city varchar(255),
  email varchar(255),
  telephone varchar(255),
  country_id varchar(2),
  firstname varchar(255),
  address_type varchar(255),
  prefix varchar(255),
  middlename varchar(255),
  suffix varchar(255),
  company varchar(255),
  vat_id text,
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

-- What other modules put into an order: real ones add columns of their own to Magento's tables.
CREATE TABLE #sandbox_order_extra (
  order_id int unsigned NOT NULL,
  name varchar(64) NOT NULL,
  amount decimal(20,4),
  base_amount decimal(20,4),
  in_header smallint unsigned NOT NULL DEFAULT 0,
  document longtext,
  PRIMARY KEY (order_id, name),
  FOREIGN KEY (order_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_grid (
  entity_id int unsigned NOT NULL PRIMARY KEY,
  status varchar(32),
  store_id smallint unsigned,
  store_name varchar(255),
  customer_id int unsigned,
  base_grand_total decimal(20,4),
  base_total_paid decimal(20,4),
  grand_total decimal(20,4),
  total_paid decimal(20,4),
  increment_id varchar(50),
  base_currency_code varchar(3),
  order_currency_code varchar(255),
  shipping_name varchar(255),
  billing_name varchar(255),
  created_at timestamp NULL,
  updated_at timestamp NULL,
  billing_address varchar(255),
  shipping_address varchar(255),
  shipping_information varchar(255),
  customer_email varchar(255),
  customer_group varchar(255),
  subtotal decimal(20,4),
  shipping_and_handling decimal(20,4),
  customer_name varchar(255),
  payment_method varchar(255),
  total_refunded decimal(20,4),
  UNIQUE KEY (increment_id, store_id),
  KEY (status),
  KEY (customer_id),
  KEY (created_at),
  KEY (updated_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_status_history (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  is_customer_notified int,
  is_visible_on_front smallint unsigned NOT NULL DEFAULT 0,
  comment text,
  status varchar(32),
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  entity_name varchar(32),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_shipment (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_id smallint unsigned,
  total_weight decimal(12,4),
  total_qty decimal(12,4),
  email_sent smallint unsigned,
  send_email smallint unsigned,
  order_id int unsigned NOT NULL,
  customer_id int,
  shipping_address_id int,
  billing_address_id int,
  shipment_status int,
  increment_id varchar(50),
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  packages text,
  customer_note text,
  customer_note_notify smallint unsigned,
  UNIQUE KEY (increment_id, store_id),
  KEY (order_id),
  KEY (created_at),
  KEY (updated_at),
  FOREIGN KEY (order_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE,
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_shipment_item (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  row_total decimal(20,4),
  price decimal(20,4),
  weight decimal(12,4),
  qty decimal(12,4),
  product_id int,
  order_item_id int,
  name varchar(255),
  sku varchar(255),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_shipment (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_shipment_track (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  weight decimal(12,4),
  qty decimal(12,4),
  order_id int unsigned NOT NULL,
  track_number text,
  description text,
  title varchar(255),
  carrier_code varchar(32),
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  KEY (parent_id),
  KEY (order_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_shipment (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_shipment_comment (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  is_customer_notified int,
  is_visible_on_front smallint unsigned NOT NULL DEFAULT 0,
  comment text,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_shipment (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_shipment_grid (
  entity_id int unsigned NOT NULL PRIMARY KEY,
  increment_id varchar(50),
  store_id smallint unsigned,
  order_increment_id varchar(32) NOT NULL,
  order_id int unsigned NOT NULL,
  order_created_at timestamp NOT NULL DEFAULT current_timestamp(),
  customer_name varchar(128) NOT NULL,
  total_qty decimal(12,4),
  order_status varchar(32),
  created_at timestamp NULL,
  updated_at timestamp NULL,
  UNIQUE KEY (increment_id, store_id),
  KEY (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_invoice (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_id smallint unsigned,
  order_id int unsigned NOT NULL,
  increment_id varchar(50),
  state int,
  total_qty decimal(12,4),
  can_void_flag smallint unsigned,
  is_used_for_refund smallint unsigned,
  base_total_refunded decimal(20,4),
  billing_address_id int,
  shipping_address_id int,
  transaction_id varchar(255),
  email_sent smallint unsigned,
  send_email smallint unsigned,
  grand_total decimal(20,4),
  base_grand_total decimal(20,4),
  subtotal decimal(20,4),
  base_subtotal decimal(20,4),
  subtotal_incl_tax decimal(20,4),
  base_subtotal_incl_tax decimal(20,4),
  tax_amount decimal(20,4),
  base_tax_amount decimal(20,4),
  discount_amount decimal(20,4),
  base_discount_amount decimal(20,4),
  shipping_amount decimal(20,4),
  base_shipping_amount decimal(20,4),
  shipping_incl_tax decimal(20,4),
  base_shipping_incl_tax decimal(20,4),
  shipping_tax_amount decimal(20,4),
  base_shipping_tax_amount decimal(20,4),
  discount_tax_compensation_amount decimal(20,4),
  base_discount_tax_compensation_amount decimal(20,4),
  shipping_discount_tax_compensation_amount decimal(20,4),
  base_shipping_discount_tax_compensation_amnt decimal(20,4),
  base_to_global_rate decimal(20,4),
  base_to_order_rate decimal(20,4),
  store_to_base_rate decimal(20,4),
  store_to_order_rate decimal(20,4),
  base_currency_code varchar(3),
  global_currency_code varchar(3),
  order_currency_code varchar(3),
  store_currency_code varchar(3),
  discount_description varchar(255),
  customer_note text,
  customer_note_notify smallint unsigned,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  UNIQUE KEY (increment_id, store_id),
  KEY (order_id),
  KEY (created_at),
  KEY (updated_at),
  FOREIGN KEY (order_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE,
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_invoice_item (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  order_item_id int,
  product_id int,
  sku varchar(255),
  name varchar(255),
  qty decimal(12,4),
  base_cost decimal(20,4),
  price decimal(20,4),
  base_price decimal(20,4),
  price_incl_tax decimal(20,4),
  base_price_incl_tax decimal(20,4),
  row_total decimal(20,4),
  base_row_total decimal(20,4),
  row_total_incl_tax decimal(20,4),
  base_row_total_incl_tax decimal(20,4),
  tax_amount decimal(20,4),
  base_tax_amount decimal(20,4),
  discount_amount decimal(20,4),
  base_discount_amount decimal(20,4),
  discount_tax_compensation_amount decimal(20,4),
  base_discount_tax_compensation_amount decimal(20,4),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_invoice (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_invoice_comment (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  is_customer_notified int,
  is_visible_on_front smallint unsigned NOT NULL DEFAULT 0,
  comment text,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_invoice (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_invoice_grid (
  entity_id int unsigned NOT NULL PRIMARY KEY,
  increment_id varchar(50),
  state int,
  store_id smallint unsigned,
  order_id int unsigned NOT NULL,
  order_increment_id varchar(50),
  order_created_at timestamp NULL,
  billing_name varchar(255),
  customer_name varchar(255),
  customer_email varchar(255),
  payment_method varchar(128),
  subtotal decimal(20,4),
  shipping_and_handling decimal(20,4),
  base_grand_total decimal(20,4),
  grand_total decimal(20,4),
  order_currency_code varchar(3),
  created_at timestamp NULL,
  updated_at timestamp NULL,
  UNIQUE KEY (increment_id, store_id),
  KEY (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_creditmemo (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_id smallint unsigned,
  order_id int unsigned NOT NULL,
  increment_id varchar(50),
  state int,
  invoice_id int,
  adjustment decimal(20,4),
  base_adjustment decimal(20,4),
  adjustment_positive decimal(20,4),
  base_adjustment_positive decimal(20,4),
  adjustment_negative decimal(20,4),
  base_adjustment_negative decimal(20,4),
  billing_address_id int,
  shipping_address_id int,
  transaction_id varchar(255),
  email_sent smallint unsigned,
  send_email smallint unsigned,
  grand_total decimal(20,4),
  base_grand_total decimal(20,4),
  subtotal decimal(20,4),
  base_subtotal decimal(20,4),
  subtotal_incl_tax decimal(20,4),
  base_subtotal_incl_tax decimal(20,4),
  tax_amount decimal(20,4),
  base_tax_amount decimal(20,4),
  discount_amount decimal(20,4),
  base_discount_amount decimal(20,4),
  shipping_amount decimal(20,4),
  base_shipping_amount decimal(20,4),
  shipping_incl_tax decimal(20,4),
  base_shipping_incl_tax decimal(20,4),
  shipping_tax_amount decimal(20,4),
  base_shipping_tax_amount decimal(20,4),
  discount_tax_compensation_amount decimal(20,4),
  base_discount_tax_compensation_amount decimal(20,4),
  shipping_discount_tax_compensation_amount decimal(20,4),
  base_shipping_discount_tax_compensation_amnt decimal(20,4),
  base_to_global_rate decimal(20,4),
  base_to_order_rate decimal(20,4),
  store_to_base_rate decimal(20,4),
  store_to_order_rate decimal(20,4),
  base_currency_code varchar(3),
  global_currency_code varchar(3),
  order_currency_code varchar(3),
  store_currency_code varchar(3),
  discount_description varchar(255),
  customer_note text,
  customer_note_notify smallint unsigned,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  updated_at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  UNIQUE KEY (increment_id, store_id),
  KEY (order_id),
  KEY (created_at),
  KEY (updated_at),
  FOREIGN KEY (order_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE,
  FOREIGN KEY (store_id) REFERENCES #store (store_id) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_creditmemo_item (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  order_item_id int,
  product_id int,
  sku varchar(255),
  name varchar(255),
  qty decimal(12,4),
  base_cost decimal(20,4),
  price decimal(20,4),
  base_price decimal(20,4),
  price_incl_tax decimal(20,4),
  base_price_incl_tax decimal(20,4),
  row_total decimal(20,4),
  base_row_total decimal(20,4),
  row_total_incl_tax decimal(20,4),
  base_row_total_incl_tax decimal(20,4),
  tax_amount decimal(20,4),
  base_tax_amount decimal(20,4),
  discount_amount decimal(20,4),
  base_discount_amount decimal(20,4),
  discount_tax_compensation_amount decimal(20,4),
  base_discount_tax_compensation_amount decimal(20,4),
  weee_tax_applied text,
  weee_tax_applied_row_amount decimal(12,4),
  weee_tax_row_disposition decimal(12,4),
  base_weee_tax_row_disposition decimal(12,4),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_creditmemo (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_creditmemo_comment (
  entity_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned NOT NULL,
  is_customer_notified int,
  is_visible_on_front smallint unsigned NOT NULL DEFAULT 0,
  comment text,
  created_at timestamp NOT NULL DEFAULT current_timestamp(),
  KEY (parent_id),
  FOREIGN KEY (parent_id) REFERENCES #sales_creditmemo (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_creditmemo_grid (
  entity_id int unsigned NOT NULL PRIMARY KEY,
  increment_id varchar(50),
  state int,
  store_id smallint unsigned,
  order_id int unsigned NOT NULL,
  order_increment_id varchar(50),
  order_created_at timestamp NULL,
  billing_name varchar(255),
  customer_name varchar(255),
  customer_email varchar(255),
  payment_method varchar(128),
  subtotal decimal(20,4),
  shipping_and_handling decimal(20,4),
  base_grand_total decimal(20,4),
  order_status varchar(32),
  adjustment_positive decimal(20,4),
  adjustment_negative decimal(20,4),
  order_base_grand_total decimal(20,4),
  created_at timestamp NULL,
  updated_at timestamp NULL,
  UNIQUE KEY (increment_id, store_id),
  KEY (order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_payment_transaction (
  transaction_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id int unsigned,
  order_id int unsigned NOT NULL DEFAULT 0,
  payment_id int unsigned NOT NULL DEFAULT 0,
  txn_id varchar(100),
  parent_txn_id varchar(100),
  txn_type varchar(15),
  is_closed smallint unsigned NOT NULL DEFAULT 1,
  created_at timestamp NULL DEFAULT current_timestamp(),
  UNIQUE KEY (order_id, payment_id, txn_id),
  FOREIGN KEY (order_id) REFERENCES #sales_order (entity_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

-- Changelogs: what Magento's own triggers write, for its indexers and exporters.
CREATE TABLE #sales_order_data_exporter_cl (
  version_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  entity_id int unsigned NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #sales_order_status_data_exporter_cl (
  version_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  entity_id varchar(32) NOT NULL DEFAULT ''
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #inventory_cl (
  version_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  entity_id int unsigned NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #catalog_product_price_cl (
  version_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  entity_id int unsigned NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE #store_data_exporter_cl (
  version_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  entity_id int unsigned NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
