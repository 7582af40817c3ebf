-- Ends a session whether or not its row is there yet; the row that is left keeps it ended.
INSERT INTO sessions (id, user_id, generation, started_at, last_used_at, expires_at, revoked_at, revoked_reason)
SELECT $1, u.id, 0, $3, $3, $4, $5, 'ended'
FROM users AS u
WHERE u.id = $2
ON CONFLICT (id) DO UPDATE
SET revoked_at = excluded.revoked_at, revoked_reason = excluded.revoked_reason
WHERE sessions.user_id = excluded.user_id AND sessions.revoked_at IS NULL
