-- Writes a batch's instances. What is there already stays as it is.
INSERT INTO instances (id, organization_id, created_at)
SELECT r.value ->> '$.id', r.value ->> '$.organization_id', r.value ->> '$.created_at'
FROM json_each($1) AS r
WHERE true
ON CONFLICT DO NOTHING
RETURNING 1
