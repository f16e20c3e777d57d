-- What waits because an operator's rule says so. Since when is not the event's time: each change of an order is a new event.
ALTER TABLE inbox ADD COLUMN rule TEXT NOT NULL DEFAULT '';  -- of the last attempt; '' = none, or another reason

CREATE TABLE policy_wait (
    site TEXT NOT NULL, entity TEXT NOT NULL, entity_id TEXT NOT NULL, rule TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (site, entity, entity_id)
) WITHOUT ROWID;
