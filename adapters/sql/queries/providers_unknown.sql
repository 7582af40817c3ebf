-- Tells which of these providers the catalogue lacks.
SELECT r.provider
FROM jsonb_to_recordset($1::text::jsonb) AS r (provider text)
WHERE (SELECT m.id FROM models AS m WHERE m.provider = r.provider ORDER BY m.released_at, m.place LIMIT 1) IS NULL
