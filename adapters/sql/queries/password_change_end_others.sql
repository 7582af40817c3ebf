-- Last step: ends the other sessions, if the second step took place.
UPDATE sessions
SET revoked_at = $2, revoked_reason = 'password_changed'
WHERE user_id = $1
  AND started_at <= $2
  AND revoked_at IS NULL
  AND id IS DISTINCT FROM $3
  AND EXISTS (SELECT 1 FROM users AS u WHERE u.id = $1 AND u.password_hash = $4 AND u.updated_at = $2)
