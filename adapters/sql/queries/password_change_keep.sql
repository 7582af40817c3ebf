-- First step of a password change: writes the row of the session that goes on, unless that session was ended without one.
-- The lock keeps rows of other sessions from being written between this step and the last. It is taken by id alone, so that
-- it waits for a change under way, whose hash this statement's own snapshot doesn't see yet.
WITH owner AS MATERIALIZED (
    SELECT u.id, u.password_hash, u.sessions_valid_from
    FROM users AS u
    WHERE u.id = $2
    FOR NO KEY UPDATE
)
INSERT INTO sessions (id, user_id, generation, started_at, last_used_at, expires_at)
SELECT $1::uuid, o.id, 0, $4::timestamptz, $4::timestamptz, $5::timestamptz
FROM owner AS o
WHERE o.password_hash = $3
  AND (o.sessions_valid_from IS NULL OR o.sessions_valid_from < $4::timestamptz)
ON CONFLICT (id) DO NOTHING
