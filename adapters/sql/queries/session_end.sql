-- Ends a live session whose row is there.
UPDATE sessions
SET revoked_at = $3, revoked_reason = 'ended'
WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3
RETURNING id
