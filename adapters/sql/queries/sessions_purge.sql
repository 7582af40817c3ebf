-- Deletes some sessions past their end, a row of the answer for each. The outer condition looks again at rows that were just renewed.
DELETE FROM sessions
WHERE id = ANY (ARRAY(
    SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
))
  AND expires_at <= $1
RETURNING CAST(1 AS bigint)
