-- Finds one of a batch's orders that isn't there: then the batch has to be written.
SELECT r.id::text
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid)
WHERE (SELECT t.id FROM orders AS t WHERE t.id = r.id) IS NULL
LIMIT 1
