-- The last state that a customer's two sides had in common, as each of them showed it, in BNG's words; see merging/.
CREATE TABLE common_state (
    target_key TEXT PRIMARY KEY,         -- of the customer's binding at BNG
    bng_id     TEXT NOT NULL,            -- BNG's customer at that time: of another one nothing is known
    shop       TEXT NOT NULL,            -- JSON
    bng        TEXT NOT NULL,            -- JSON
    at         TEXT NOT NULL
) WITHOUT ROWID;

-- Fields that both sides had changed. The loser's value stands nowhere else.
CREATE TABLE conflict (
    id         INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    seq        INTEGER NOT NULL,         -- the event that was being applied
    target_key TEXT NOT NULL,
    field      TEXT NOT NULL,
    shop       TEXT NOT NULL,            -- JSON
    bng        TEXT NOT NULL,            -- JSON
    winner     TEXT NOT NULL             -- 'magento' | 'bng'
);
CREATE INDEX conflict_key ON conflict (target_key, id);

-- Pairs that an operator has told apart: they are not matched again by themselves.
CREATE TABLE unlinked (
    target_key TEXT NOT NULL, target_id TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (target_key, target_id)
) WITHOUT ROWID;
