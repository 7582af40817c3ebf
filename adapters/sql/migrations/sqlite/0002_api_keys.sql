-- What programs show instead of a person's sign-in.

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    -- A key has no more power than this person.
    made_by TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- The first characters of its text, for its owner to know it by.
    prefix TEXT NOT NULL,
    -- SHA-256 of its text.
    digest BLOB NOT NULL UNIQUE,
    -- SHA-256 of the text before, which goes on working for a while after a rotation.
    superseded_digest BLOB,
    superseded_until INTEGER,
    -- Words with a space between; none when empty.
    scopes TEXT NOT NULL,
    -- Identifiers with a comma between; null for all, none when empty.
    instance_ids TEXT,
    expires_at INTEGER,
    rate_limit INTEGER,
    rate_window_seconds INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    CHECK ((rate_limit IS NULL) = (rate_window_seconds IS NULL)),
    CHECK ((superseded_digest IS NULL) = (superseded_until IS NULL))
) STRICT;

CREATE UNIQUE INDEX api_keys_superseded_digest_idx ON api_keys (superseded_digest) WHERE superseded_digest IS NOT NULL;
-- Lists an organization's keys.
CREATE INDEX api_keys_organization_id_created_at_id_idx ON api_keys (organization_id, created_at, id);
-- Finds a person's keys when the person goes.
CREATE INDEX api_keys_made_by_idx ON api_keys (made_by);
