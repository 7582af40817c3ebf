-- Writes the rows of sessions that began, perhaps long after: as ended when everything of that time was ended meanwhile.
-- A row that a password change wrote for one is completed.
INSERT INTO sessions (
    id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at, revoked_at, revoked_reason, user_agent, ip
)
SELECT
    f.value ->> '$.id', u.id, 0, unhex(f.value ->> '$.refresh_digest'), f.value ->> '$.started_micros', f.value ->> '$.started_micros',
    f.value ->> '$.expires_micros',
    CASE WHEN u.sessions_valid_from >= f.value ->> '$.started_micros' THEN u.sessions_valid_from END,
    CASE WHEN u.sessions_valid_from >= f.value ->> '$.started_micros' THEN 'all_ended' END,
    f.value ->> '$.user_agent', f.value ->> '$.ip'
FROM json_each($1) AS f
CROSS JOIN users AS u
WHERE u.id = f.value ->> '$.user_id'
ON CONFLICT (id) DO UPDATE
SET refresh_digest = excluded.refresh_digest, user_agent = excluded.user_agent, ip = excluded.ip
WHERE sessions.user_id = excluded.user_id
  AND sessions.generation = 0
  AND sessions.refresh_digest IS NULL
  AND sessions.revoked_at IS NULL
