-- hubport
-- hubport's own tables. Schema hubport stays out of exports and merges; a switch carries it over. The record of
-- migrations, hubport.migrations, is made by the migrator itself (src/pg/migrate.c).

-- Archives that this installation made, by the digest of the whole file: their functions and triggers are trusted when
-- they come back.
CREATE TABLE IF NOT EXISTS hubport.exports (
    sha256 text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    file_name text NOT NULL,
    mode text NOT NULL,
    size bigint NOT NULL,
    user_name text NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_exports_created_at ON hubport.exports (created_at);
