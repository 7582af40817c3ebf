-- Settings of the whole system, kept for the programs around it.

CREATE TABLE settings (
    key text PRIMARY KEY,
    -- Tells settings of the same moment apart in a list.
    id uuid NOT NULL UNIQUE,
    -- JSON.
    value text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Lists them.
CREATE INDEX settings_created_at_id_idx ON settings (created_at, id);
