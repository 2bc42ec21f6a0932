-- hubport
-- The synchronisation of the price table with the cloud, for all servers: one row.
CREATE TABLE IF NOT EXISTS hubport.price_sync (
    the_row boolean PRIMARY KEY DEFAULT true CHECK (the_row),
    next_at timestamptz,      -- when the next automatic sync is due
    tried_at timestamptz,
    tried_by text,            -- NULL: the schedule
    outcome text,             -- running, applied, unchanged, failed
    error jsonb,              -- of the last try: code, zh, en, details
    succeeded_at timestamptz, -- as all that follows, of the last one that worked
    version text,
    sha256 text,              -- of the table
    from_cache boolean,       -- out of the copy on the disk, because the cloud could not be reached
    result jsonb              -- counts, what was held back, what is missing, ...
);
INSERT INTO hubport.price_sync DEFAULT VALUES ON CONFLICT DO NOTHING;
