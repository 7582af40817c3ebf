-- Who people are and where they are signed in. Times are microseconds since 1970, identifiers hyphenated text.

CREATE TABLE organizations (
    id TEXT PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    -- Trimmed and in lower case.
    email TEXT NOT NULL UNIQUE,
    email_verified_at INTEGER,
    name TEXT,
    role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
    password_hash TEXT,
    -- A session without a row is dead when it started at or before this. One with a row lives or dies by its row.
    sessions_valid_from INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;

CREATE INDEX users_organization_id_idx ON users (organization_id);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- How many times it was renewed.
    generation INTEGER NOT NULL,
    -- SHA-256 of the refresh token of this generation. Null when the row was written by somebody who didn't know it: the first
    -- token's own signature then stands in for it.
    refresh_digest BLOB,
    -- SHA-256 of the token before.
    previous_digest BLOB,
    rotated_at INTEGER,
    started_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    -- Not before the end of any token of the session, so that no row goes while a token lives that it must refuse.
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT CHECK (revoked_reason IN ('ended', 'all_ended', 'password_changed', 'reuse')),
    user_agent TEXT,
    ip TEXT
) STRICT;

-- Lists a person's sessions, and finds all of them to end.
CREATE INDEX sessions_user_id_started_at_id_idx ON sessions (user_id, started_at, id);
-- Finds what to purge.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE identities (
    provider TEXT NOT NULL,
    -- The provider's own unchanging identifier of the account.
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    linked_at INTEGER NOT NULL,
    UNIQUE (provider, subject),
    UNIQUE (user_id, provider)
) STRICT;

-- One-time states of sign-ins through a provider, kept until they would have expired anyway.
CREATE TABLE used_states (
    digest BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_states_expires_at_idx ON used_states (expires_at);
