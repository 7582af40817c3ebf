-- Ends an experiment of which this arm was adopted at this moment.
UPDATE cache_experiments
SET ended_at = coalesce(ended_at, $3)
WHERE id = $1
    AND EXISTS (
        SELECT 1
        FROM cache_adoptions AS a
        WHERE a.prefix = cache_experiments.prefix AND a.experiment_id = $1 AND a.arm = $2 AND a.adopted_at = $3
    )
RETURNING id, prefix, name, arms, started_at, ended_at
