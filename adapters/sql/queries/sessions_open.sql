-- Writes the rows of sessions that began, perhaps long after: as ended when everything of that time was ended meanwhile.
-- A row that a password change wrote for one is completed. The lock waits for whoever is just ending a person's sessions; taken row by
-- row, it is found by index however many rows there are.
INSERT INTO sessions (
    id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at, revoked_at, revoked_reason, user_agent, ip
)
SELECT
    r.id, u.id, 0, decode(r.refresh_digest, 'hex'), r.started_at, r.started_at, r.expires_at,
    CASE WHEN u.sessions_valid_from >= r.started_at THEN u.sessions_valid_from END,
    CASE WHEN u.sessions_valid_from >= r.started_at THEN 'all_ended' END,
    r.user_agent, r.ip
FROM jsonb_to_recordset($1::text::jsonb) AS r (
    id uuid, user_id uuid, refresh_digest text, started_at timestamptz, expires_at timestamptz, user_agent text, ip text
)
CROSS JOIN LATERAL (
    SELECT users.id, users.sessions_valid_from
    FROM users
    WHERE users.id = r.user_id
    FOR SHARE
) AS u
ON CONFLICT (id) DO UPDATE
SET refresh_digest = excluded.refresh_digest, user_agent = excluded.user_agent, ip = excluded.ip
WHERE sessions.user_id = excluded.user_id
  AND sessions.generation = 0
  AND sessions.refresh_digest IS NULL
  AND sessions.revoked_at IS NULL
