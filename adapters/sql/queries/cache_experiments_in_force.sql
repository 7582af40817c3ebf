-- Finds what runs and what is adopted: a handful of rows, asked by every server every few seconds.
SELECT e.id, e.prefix, e.name, e.arms, e.started_at, e.ended_at, NULL AS arm
FROM cache_experiments AS e
WHERE e.ended_at IS NULL
UNION ALL
SELECT e.id, e.prefix, e.name, e.arms, e.started_at, e.ended_at, a.arm
FROM cache_adoptions AS a
JOIN cache_experiments AS e ON e.id = a.experiment_id
