-- Adds up what all servers saw of an experiment, an arm a row.
SELECT
    r.arm, CAST(sum(1) AS bigint), CAST(sum(r.reads) AS bigint), CAST(sum(r.hits) AS bigint), CAST(sum(r.loads) AS bigint),
    CAST(sum(r.errors) AS bigint), CAST(sum(r.load_ms) AS text), CAST(sum(r.load_ms_squared) AS text), CAST(sum(r.age_ms) AS text),
    CAST(sum(r.age_ms_squared) AS text)
FROM cache_experiment_results AS r
WHERE r.experiment_id = $1
GROUP BY r.arm
