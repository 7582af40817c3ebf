-- Puts an arm into force in place of the one before, unless another experiment of its prefix runs.
INSERT INTO cache_adoptions (prefix, experiment_id, arm, adopted_at)
SELECT e.prefix, e.id, $2, $3
FROM cache_experiments AS e
WHERE e.id = $1
    AND NOT EXISTS (SELECT 1 FROM cache_experiments AS o WHERE o.prefix = e.prefix AND o.ended_at IS NULL AND o.id <> $1)
ON CONFLICT (prefix) DO UPDATE
SET experiment_id = excluded.experiment_id, arm = excluded.arm, adopted_at = excluded.adopted_at
