-- hubport
-- Batches that were previewed, or were made and can be taken back. Rows go when they expire (src/batch/records.h).
CREATE TABLE IF NOT EXISTS hubport.batch_operations (
    id text PRIMARY KEY,
    kind text NOT NULL,           -- users, keys, providers
    action text NOT NULL,         -- patch, delete
    state text NOT NULL,          -- previewed, applied, undone
    preview_token text UNIQUE,
    revision text,                -- the digest of what the preview saw
    undo_token text UNIQUE,
    idempotency_key text,
    fingerprint text,             -- the digest of what was asked
    user_id bigint,               -- who: as in audit_log
    user_name text,
    fields text[] NOT NULL,
    row_count integer NOT NULL,
    rows json NOT NULL,           -- before and after, as the columns have it: addresses with their passwords
    endpoints jsonb,              -- of deleted providers
    result jsonb,                 -- what the client was answered
    created_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    undo_until timestamptz,
    undone_at timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS uniq_batch_operations_idempotency_key
    ON hubport.batch_operations (kind, idempotency_key);
CREATE INDEX IF NOT EXISTS idx_batch_operations_expires_at ON hubport.batch_operations (expires_at);
CREATE INDEX IF NOT EXISTS idx_batch_operations_applied_at ON hubport.batch_operations (applied_at DESC);
