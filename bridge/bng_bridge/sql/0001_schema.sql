-- Times are RFC 3339 UTC text with microseconds: they sort as text. Amounts are never stored in a numeric column.

-- One row per event or hint that was accepted. States: see inbox.py.
CREATE TABLE inbox (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    event_key     TEXT NOT NULL UNIQUE,   -- '{site}/{epoch}.{n}', 'bng/{webhook id}', 'sha256/{hash of raw bytes}'
    site          TEXT NOT NULL,          -- '' for a BNG record until its site is known
    source        TEXT NOT NULL,          -- 'magento' | 'bng'
    entity        TEXT NOT NULL,
    entity_id     TEXT NOT NULL,
    kind          TEXT NOT NULL,          -- 'snapshot' | 'tombstone' | 'unreadable' | 'hint' | 'raw'
    ordering_key  TEXT NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    hint          TEXT NOT NULL DEFAULT '',
    attempts      INTEGER NOT NULL DEFAULT 0,
    run_at        TEXT NOT NULL,
    committed_at  TEXT,
    captured_at   TEXT,
    published_at  TEXT,
    stored_at     TEXT NOT NULL,
    settled_at    TEXT,
    increment_id  TEXT                    -- what people call the order, for trace
);
CREATE INDEX inbox_due ON inbox (run_at, seq) WHERE state = 'pending';
CREATE INDEX inbox_busy ON inbox (ordering_key) WHERE state = 'processing';
CREATE INDEX inbox_open ON inbox (source, entity, entity_id, site) WHERE state IN ('pending', 'processing', 'dead');
CREATE INDEX inbox_entity ON inbox (source, entity, entity_id, site, seq);
CREATE INDEX inbox_increment ON inbox (increment_id) WHERE increment_id IS NOT NULL;

-- What came with the event. Not in its row: SQLite writes a row anew, with all its pages, at every change of state.
CREATE TABLE document (seq INTEGER PRIMARY KEY, data BLOB NOT NULL);

-- The highest version stored per entity of a site; lower ones that come later are superseded at once.
CREATE TABLE seen_version (
    site TEXT NOT NULL, entity TEXT NOT NULL, entity_id TEXT NOT NULL,
    epoch INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (site, entity, entity_id)
) WITHOUT ROWID;

-- Every run of a flow for an event, kept for trace.
CREATE TABLE attempt (
    seq INTEGER NOT NULL, number INTEGER NOT NULL,
    started_at TEXT NOT NULL, ended_at TEXT NOT NULL,
    outcome TEXT NOT NULL,               -- 'done' | 'skipped' | 'postponed' | 'retried' | 'dead'
    error_kind TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (seq, number)
) WITHOUT ROWID;

-- Every write that settled, with the event that caused it.
CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL, target_key TEXT NOT NULL, action TEXT NOT NULL, -- created | updated | unchanged | resolved
    target_id TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX step_seq ON step (seq);

-- What a source record is at the target, and the last state both sides had in common.
CREATE TABLE binding (
    target_key  TEXT PRIMARY KEY,        -- '{site}/{entity}/{source id}/{step}'
    site        TEXT NOT NULL,
    target      TEXT NOT NULL,           -- 'bng' | 'magento'
    entity      TEXT NOT NULL,           -- the target's entity
    target_id   TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    digest      TEXT NOT NULL,           -- '' = unknown, the next apply writes
    version     TEXT NOT NULL,           -- the target's own (ETag), '' where it has none
    facts       TEXT NOT NULL,           -- JSON: what later flows and trace need of the record
    bound_at    TEXT NOT NULL,
    applied_at  TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX binding_target ON binding (target, entity, target_id);

-- A write that may be under way. At most one per target key; closed in the commit that binds its result.
CREATE TABLE intent (
    target_key  TEXT PRIMARY KEY,
    seq         INTEGER NOT NULL,
    target      TEXT NOT NULL,
    entity      TEXT NOT NULL,
    body        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request_id  TEXT NOT NULL,           -- idempotency key, or gateway request id
    opened_at   TEXT NOT NULL,
    quiet_until TEXT NOT NULL            -- before this, "not found" proves nothing
) WITHOUT ROWID;

CREATE TABLE site (
    site TEXT PRIMARY KEY, epoch INTEGER NOT NULL, database_id TEXT NOT NULL, base_url TEXT NOT NULL, hello_at TEXT NOT NULL
) WITHOUT ROWID;

-- Targets that an operator closed: 'bng' or a site's name.
CREATE TABLE paused (target TEXT PRIMARY KEY, reason TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;

-- Where a poller stands, in the target's own timestamps.
CREATE TABLE watermark (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
