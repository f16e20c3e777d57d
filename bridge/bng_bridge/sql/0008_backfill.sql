-- Backfills: windows of a shop's history that an operator has had brought over. Rows stay for ever: what lies in a window and
-- was handed over counts as made after go-live; see docs/adr/0014-a-backfill-is-the-operators-word.md.
CREATE TABLE backfill (
    id         INTEGER PRIMARY KEY,
    site       TEXT NOT NULL,
    entity     TEXT NOT NULL,
    first_day  TEXT NOT NULL,              -- as asked for, in the site's own calendar
    last_day   TEXT NOT NULL,              -- the same; '' = up to the moment when it was begun
    since      TEXT NOT NULL,              -- both as times: since <= created_at < until
    until      TEXT NOT NULL,
    state      TEXT NOT NULL,              -- running | paused | done | cancelled
    last_id    INTEGER NOT NULL DEFAULT 0, -- all of the window up to this id was handed over
    total      INTEGER,                    -- as the shop counted at the beginning; null: not yet
    handed     INTEGER NOT NULL DEFAULT 0,
    done       INTEGER NOT NULL DEFAULT 0, -- how those that were handed over ended; the rest is in backfill_open
    skipped    INTEGER NOT NULL DEFAULT 0,
    dead       INTEGER NOT NULL DEFAULT 0,
    sums       TEXT NOT NULL DEFAULT '{}', -- JSON: by currency, decimal text, of those that were handed over
    began_at   TEXT NOT NULL,
    began_by   TEXT NOT NULL,
    ended_at   TEXT
);

-- Those that were handed over and whose event is not settled yet: few at a time, of one backfill for a site and entity. Their
-- events are claimed behind all others.
CREATE TABLE backfill_open (
    site      TEXT NOT NULL,
    entity    TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    backfill  INTEGER NOT NULL,
    asked_seq INTEGER NOT NULL,            -- the inbox's highest seq by then
    PRIMARY KEY (site, entity, entity_id)
) WITHOUT ROWID;
