-- Settings of the whole system, kept for the programs around it.

CREATE TABLE settings (
    key TEXT PRIMARY KEY NOT NULL,
    -- Tells settings of the same moment apart in a list.
    id TEXT NOT NULL UNIQUE,
    -- JSON.
    value TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Lists them.
CREATE INDEX settings_created_at_id_idx ON settings (created_at, id);
