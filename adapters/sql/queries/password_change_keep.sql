-- First step of a password change: writes the row of the session that goes on, unless that session was ended without one.
-- The lock keeps rows of other sessions from being written between this step and the last.
INSERT INTO sessions (id, user_id, generation, started_at, last_used_at, expires_at)
SELECT $1::uuid, u.id, 0, $4::timestamptz, $4::timestamptz, $5::timestamptz
FROM users AS u
WHERE u.id = $2
  AND u.password_hash = $3
  AND (u.sessions_valid_from IS NULL OR u.sessions_valid_from < $4::timestamptz)
FOR NO KEY UPDATE OF u
ON CONFLICT (id) DO NOTHING
