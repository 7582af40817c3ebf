-- Tells which of these providers the catalogue lacks.
SELECT r.value ->> '$.provider'
FROM json_each($1) AS r
WHERE (SELECT m.id FROM models AS m WHERE m.provider = r.value ->> '$.provider' LIMIT 1) IS NULL
