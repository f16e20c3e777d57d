-- Which run of the agent the last epoch was granted to; '' before there was such a thing.
ALTER TABLE site ADD COLUMN instance TEXT NOT NULL DEFAULT '';

-- Sites that are held: nothing of them is applied, nothing is written to them, until an operator says that they are right.
CREATE TABLE hold (
    site   TEXT NOT NULL,
    cause  TEXT NOT NULL,                -- 'hello': another database or address says hello; 'record': an id has another record
    reason TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '',     -- JSON: the refused hello's identity, which `site restored` pins
    at     TEXT NOT NULL,
    PRIMARY KEY (site, cause)
) WITHOUT ROWID;

-- A restored shop gives ids anew. From `first_id` on a record of `entity` belongs to generation `number`, whose ids at BNG
-- are other ones; see docs/adr/0011-generations-of-a-restored-shop.md. Generation 0 has no row.
CREATE TABLE generation (
    site TEXT NOT NULL, entity TEXT NOT NULL, number INTEGER NOT NULL, first_id INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (site, entity, number)
) WITHOUT ROWID;

-- The store's name of the moment, also kept beside the file: under another one it is a copy that was put back. See life.py.
CREATE TABLE life (
    value       TEXT NOT NULL,
    restored_at TEXT NOT NULL,           -- when it last came up as a copy, or an operator said so; '' = never
    is_open     INTEGER NOT NULL         -- 1 = `bridgectl restored` has not answered for that yet
);
INSERT INTO life VALUES ('', '', 0);
