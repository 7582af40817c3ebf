-- Puts what a server has seen so far in place of what it said before; what arrives late and is less is passed over.
INSERT INTO cache_experiment_results (
    experiment_id, arm, server, reads, hits, loads, errors, load_ms, load_ms_squared, age_ms, age_ms_squared, updated_at
)
SELECT
    r.experiment_id, r.arm, r.server, r.reads, r.hits, r.loads, r.errors, r.load_ms, r.load_ms_squared, r.age_ms, r.age_ms_squared,
    r.updated_at
FROM jsonb_to_recordset($1::text::jsonb) AS r (
    experiment_id uuid, arm text, server uuid, reads bigint, hits bigint, loads bigint, errors bigint, load_ms double precision,
    load_ms_squared double precision, age_ms double precision, age_ms_squared double precision, updated_at timestamptz
)
ON CONFLICT (experiment_id, arm, server) DO UPDATE
SET reads = excluded.reads, hits = excluded.hits, loads = excluded.loads, errors = excluded.errors, load_ms = excluded.load_ms,
    load_ms_squared = excluded.load_ms_squared, age_ms = excluded.age_ms, age_ms_squared = excluded.age_ms_squared,
    updated_at = excluded.updated_at
WHERE excluded.reads + excluded.loads + excluded.errors
    >= cache_experiment_results.reads + cache_experiment_results.loads + cache_experiment_results.errors
