-- hubport
-- Every change of a model's price: when, who, by which operation, before and after.
CREATE TABLE IF NOT EXISTS hubport.price_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    user_id bigint,
    user_name text,
    action text NOT NULL,        -- upload, sync, auto_sync, set, delete, pin, revert
    batch text NOT NULL,         -- the same for all rows of one operation
    model_name text NOT NULL,
    source_before text,          -- as before and after: NULL where there was, or is, no price
    source_after text,
    before jsonb,
    after jsonb
);
CREATE INDEX IF NOT EXISTS idx_price_history_model ON hubport.price_history (model_name, id DESC);
CREATE INDEX IF NOT EXISTS idx_price_history_batch ON hubport.price_history (batch);
