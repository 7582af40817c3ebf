-- Lists experiments after a place, newest first.
SELECT
    e.id, e.prefix, e.name, e.arms, e.started_at, e.ended_at,
    (SELECT a.arm FROM cache_adoptions AS a WHERE a.prefix = e.prefix AND a.experiment_id = e.id)
FROM cache_experiments AS e
WHERE (e.started_at, e.id) < ($1, $2)
ORDER BY e.started_at DESC, e.id DESC
LIMIT $3
