-- Stores what models can do, within a transaction that has made the catalogue its own.
INSERT INTO model_capabilities (model_id, capability, provider, released_at, place)
SELECT r.id, c.word, r.provider, r.released_at, r.place
FROM jsonb_to_recordset($1::text::jsonb) AS r (id text, place uuid, provider text, capabilities jsonb, released_at timestamptz)
CROSS JOIN LATERAL jsonb_array_elements_text(r.capabilities) AS c (word)
WHERE EXISTS (SELECT 1 FROM model_catalogue AS m WHERE m.source = $2 AND m.digest = $3 AND m.stored_at = $4)
