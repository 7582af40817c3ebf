-- Writes the row of a session that began, perhaps long after: as ended when everything of that time was ended meanwhile.
-- A row that a password change wrote for it is completed.
INSERT INTO sessions (
    id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at, revoked_at, revoked_reason, user_agent, ip
)
SELECT
    $1, u.id, 0, $5, $3, $3, $4,
    CASE WHEN u.sessions_valid_from >= $3 THEN u.sessions_valid_from END,
    CASE WHEN u.sessions_valid_from >= $3 THEN 'all_ended' END,
    $6, $7
FROM users AS u
WHERE u.id = $2
ON CONFLICT (id) DO UPDATE
SET refresh_digest = excluded.refresh_digest, user_agent = excluded.user_agent, ip = excluded.ip
WHERE sessions.user_id = excluded.user_id
  AND sessions.generation = 0
  AND sessions.refresh_digest IS NULL
  AND sessions.revoked_at IS NULL
