-- Ends an experiment; its first end stands.
UPDATE cache_experiments
SET ended_at = coalesce(ended_at, $2)
WHERE id = $1
RETURNING id, prefix, name, arms, started_at, ended_at
