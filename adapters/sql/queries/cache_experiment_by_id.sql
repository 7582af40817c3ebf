-- Finds an experiment, with the arm of it that is in force.
SELECT
    e.id, e.prefix, e.name, e.arms, e.started_at, e.ended_at,
    (SELECT a.arm FROM cache_adoptions AS a WHERE a.prefix = e.prefix AND a.experiment_id = e.id)
FROM cache_experiments AS e
WHERE e.id = $1
