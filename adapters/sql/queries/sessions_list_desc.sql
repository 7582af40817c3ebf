-- Lists a person's live sessions after a place, newest first.
SELECT id, started_at, last_used_at, user_agent, ip
FROM sessions
WHERE user_id = $1 AND (started_at, id) < ($3, $4) AND revoked_at IS NULL AND expires_at > $2
ORDER BY started_at DESC, id DESC
LIMIT $5
