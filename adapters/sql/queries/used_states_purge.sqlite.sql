-- Deletes some one-time states past their time, a row of the answer for each. The outer condition looks again at rows that were just renewed.
DELETE FROM used_states
WHERE digest IN (
    SELECT digest FROM used_states WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
)
  AND expires_at <= $1
RETURNING CAST(1 AS bigint)
