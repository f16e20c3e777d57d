-- What each side itself says it has, record by record: the ground of the completeness ledger.
-- Written by the manifest's pass over a site (source 'magento') and by the daily sweep of BNG (source 'bng').
CREATE TABLE manifest (
    source       TEXT NOT NULL,            -- 'magento' | 'bng', as in the inbox
    site         TEXT NOT NULL,            -- '' for a BNG record
    entity       TEXT NOT NULL,            -- 'order', 'customer' | 'sales_order', 'shipment', ...
    entity_id    TEXT NOT NULL,
    name         TEXT NOT NULL,            -- what people call it: increment id, e-mail; ExternalID of a BNG record
    day          TEXT NOT NULL,            -- of its creation, YYYY-MM-DD in the site's time zone (BNG: its own date)
    total        TEXT NOT NULL,            -- decimal text, '' where there is none
    currency     TEXT NOT NULL,
    digest       TEXT NOT NULL,            -- of the record's line when it was last found covered; '' = not yet
    state        TEXT NOT NULL,            -- covered | asked (its re-emission was asked for) | deleted
    asked_seq    INTEGER NOT NULL DEFAULT 0, -- the inbox's highest seq when that was asked
    excluded     TEXT NOT NULL DEFAULT '', -- why it is not at the other side, kept when its inbox row is cleaned
    listed_at    TEXT NOT NULL,
    PRIMARY KEY (source, site, entity, entity_id)
) WITHOUT ROWID;
CREATE INDEX manifest_day ON manifest (day, source, site, entity);
