-- Puts what a server has seen so far in place of what it said before; what arrives late and is less is passed over.
INSERT INTO cache_experiment_results (
    experiment_id, arm, server, reads, hits, loads, errors, load_ms, load_ms_squared, age_ms, age_ms_squared, updated_at
)
SELECT
    r.value ->> '$.experiment_id', r.value ->> '$.arm', r.value ->> '$.server', r.value ->> '$.reads', r.value ->> '$.hits',
    r.value ->> '$.loads', r.value ->> '$.errors', r.value ->> '$.load_ms', r.value ->> '$.load_ms_squared',
    r.value ->> '$.age_ms', r.value ->> '$.age_ms_squared', r.value ->> '$.updated_micros'
FROM json_each($1) AS r
WHERE true
ON CONFLICT (experiment_id, arm, server) DO UPDATE
SET reads = excluded.reads, hits = excluded.hits, loads = excluded.loads, errors = excluded.errors, load_ms = excluded.load_ms,
    load_ms_squared = excluded.load_ms_squared, age_ms = excluded.age_ms, age_ms_squared = excluded.age_ms_squared,
    updated_at = excluded.updated_at
WHERE excluded.reads + excluded.loads + excluded.errors
    >= cache_experiment_results.reads + cache_experiment_results.loads + cache_experiment_results.errors
