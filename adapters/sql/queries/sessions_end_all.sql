-- Second step: those with a row.
UPDATE sessions
SET revoked_at = $2, revoked_reason = 'all_ended'
WHERE user_id = $1 AND started_at <= $2 AND revoked_at IS NULL
