-- Stores what models can do, within a transaction that has made the catalogue its own.
INSERT INTO model_capabilities (model_id, capability, provider, released_at, place)
SELECT r.value ->> '$.id', c.value, r.value ->> '$.provider', r.value ->> '$.released_micros', r.value ->> '$.place'
FROM json_each($1) AS r
CROSS JOIN json_each(r.value, '$.capabilities') AS c
WHERE EXISTS (SELECT 1 FROM model_catalogue AS m WHERE m.source = $2 AND m.digest = $3 AND m.stored_at = $4)
