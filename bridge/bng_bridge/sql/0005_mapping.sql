-- The identity of the mapping file by which something was written; '' where no file says what is written.
ALTER TABLE step ADD COLUMN mapping TEXT NOT NULL DEFAULT '';
ALTER TABLE intent ADD COLUMN mapping TEXT NOT NULL DEFAULT '';
