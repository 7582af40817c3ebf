-- Takes an experiment's arm out of force.
DELETE FROM cache_adoptions
WHERE prefix = (SELECT e.prefix FROM cache_experiments AS e WHERE e.id = $1) AND experiment_id = $1
