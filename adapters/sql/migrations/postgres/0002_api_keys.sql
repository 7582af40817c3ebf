-- What programs show instead of a person's sign-in.

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id),
    -- A key has no more power than this person.
    made_by uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    -- The first characters of its text, for its owner to know it by.
    prefix text NOT NULL,
    -- SHA-256 of its text.
    digest bytea NOT NULL UNIQUE,
    -- SHA-256 of the text before, which goes on working for a while after a rotation.
    superseded_digest bytea,
    superseded_until timestamptz,
    -- Words with a space between; none when empty.
    scopes text NOT NULL,
    -- Identifiers with a comma between; null for all, none when empty.
    instance_ids text,
    expires_at timestamptz,
    rate_limit bigint,
    rate_window_seconds bigint,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CHECK ((rate_limit IS NULL) = (rate_window_seconds IS NULL)),
    CHECK ((superseded_digest IS NULL) = (superseded_until IS NULL))
)
-- Room on each page lets a use update its row in place, without touching an index.
WITH (fillfactor = 85);

CREATE UNIQUE INDEX api_keys_superseded_digest_idx ON api_keys (superseded_digest) WHERE superseded_digest IS NOT NULL;
-- Lists an organization's keys.
CREATE INDEX api_keys_organization_id_created_at_id_idx ON api_keys (organization_id, created_at, id);
-- Finds a person's keys when the person goes.
CREATE INDEX api_keys_made_by_idx ON api_keys (made_by);
