-- Stores models, within a transaction that has made the catalogue its own.
INSERT INTO models (
    id, place, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
)
SELECT
    r.id, r.place, r.provider, r.name, r.context_window, r.input_cents_per_mtok, r.output_cents_per_mtok, r.words, r.enabled, r.hosted,
    r.released_at
FROM jsonb_to_recordset($1::text::jsonb) AS r (
    id text, place uuid, provider text, name text, context_window bigint, input_cents_per_mtok bigint, output_cents_per_mtok bigint,
    words text, enabled boolean, hosted boolean, released_at timestamptz
)
WHERE EXISTS (SELECT 1 FROM model_catalogue AS c WHERE c.source = $2 AND c.digest = $3 AND c.stored_at = $4)
