-- Who people are and where they are signed in.

CREATE TABLE organizations (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL
);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id),
    -- Trimmed and in lower case.
    email text NOT NULL UNIQUE,
    email_verified_at timestamptz,
    name text,
    role text NOT NULL CHECK (role IN ('member', 'admin')),
    password_hash text,
    -- A session without a row is dead when it started at or before this. One with a row lives or dies by its row.
    sessions_valid_from timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_login_at timestamptz
)
-- Room on each page lets a sign-in update its row in place, without touching an index.
WITH (fillfactor = 85);

CREATE INDEX users_organization_id_idx ON users (organization_id);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- How many times it was renewed.
    generation bigint NOT NULL,
    -- SHA-256 of the refresh token of this generation. Null when the row was written by somebody who didn't know it: the first
    -- token's own signature then stands in for it.
    refresh_digest bytea,
    -- SHA-256 of the token before.
    previous_digest bytea,
    rotated_at timestamptz,
    started_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- Not before the end of any token of the session, so that no row goes while a token lives that it must refuse.
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text CHECK (revoked_reason IN ('ended', 'all_ended', 'password_changed', 'reuse')),
    user_agent text,
    ip text
)
WITH (fillfactor = 85);

-- Lists a person's sessions, and finds all of them to end.
CREATE INDEX sessions_user_id_started_at_id_idx ON sessions (user_id, started_at, id);
-- Finds what to purge.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE identities (
    provider text NOT NULL,
    -- The provider's own unchanging identifier of the account.
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at timestamptz NOT NULL,
    CONSTRAINT identities_provider_subject_key UNIQUE (provider, subject),
    CONSTRAINT identities_user_id_provider_key UNIQUE (user_id, provider)
);

-- One-time states of sign-ins through a provider, kept until they would have expired anyway.
CREATE TABLE used_states (
    digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

CREATE INDEX used_states_expires_at_idx ON used_states (expires_at);
