-- Dead letters: what groups them, when an operator requeued one, and who edited a copy (kind 'edited').
ALTER TABLE inbox ADD COLUMN cause TEXT NOT NULL DEFAULT '';       -- see cause.py; '' = died before there were causes
ALTER TABLE inbox ADD COLUMN requeued_at TEXT;                     -- limits by age count from here
ALTER TABLE inbox ADD COLUMN edited_by TEXT NOT NULL DEFAULT '';
CREATE INDEX inbox_dead ON inbox (cause, seq) WHERE state = 'dead';
