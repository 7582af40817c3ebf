-- How often keys were used, day by day.

CREATE TABLE api_key_usage (
    key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    -- Days since 1970-01-01, in UTC.
    day INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    -- When last on that day. A key's last use is that of its latest day, so that a use changes no row of `api_keys`.
    last_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, day)
) STRICT, WITHOUT ROWID;

-- Batches of uses that were added, so that none is added twice.
CREATE TABLE usage_batches (
    id TEXT PRIMARY KEY NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;

-- Finds those that nobody sends any more.
CREATE INDEX usage_batches_added_at_idx ON usage_batches (added_at);

ALTER TABLE api_keys DROP COLUMN last_used_at;
