-- Writes the row of a session that began, perhaps long after: as ended when everything of that time was ended meanwhile.
-- A row that a password change wrote for it is completed. The lock waits for whoever is just ending this person's sessions.
INSERT INTO sessions (
    id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at, revoked_at, revoked_reason, user_agent, ip
)
SELECT
    $1::uuid, u.id, 0, $5::bytea, $3::timestamptz, $3::timestamptz, $4::timestamptz,
    CASE WHEN u.sessions_valid_from >= $3::timestamptz THEN u.sessions_valid_from END,
    CASE WHEN u.sessions_valid_from >= $3::timestamptz THEN 'all_ended' END,
    $6::text, $7::text
FROM users AS u
WHERE u.id = $2
FOR SHARE OF u
ON CONFLICT (id) DO UPDATE
SET refresh_digest = excluded.refresh_digest, user_agent = excluded.user_agent, ip = excluded.ip
WHERE sessions.user_id = excluded.user_id
  AND sessions.generation = 0
  AND sessions.refresh_digest IS NULL
  AND sessions.revoked_at IS NULL
