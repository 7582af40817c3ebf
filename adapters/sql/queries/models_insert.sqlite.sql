-- Stores models, within a transaction that has made the catalogue its own.
INSERT INTO models (
    id, place, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
)
SELECT
    r.value ->> '$.id', r.value ->> '$.place', r.value ->> '$.provider', r.value ->> '$.name', r.value ->> '$.context_window',
    r.value ->> '$.input_cents_per_mtok', r.value ->> '$.output_cents_per_mtok', r.value ->> '$.words', r.value ->> '$.enabled',
    r.value ->> '$.hosted', r.value ->> '$.released_micros'
FROM json_each($1) AS r
WHERE EXISTS (SELECT 1 FROM model_catalogue AS c WHERE c.source = $2 AND c.digest = $3 AND c.stored_at = $4)
