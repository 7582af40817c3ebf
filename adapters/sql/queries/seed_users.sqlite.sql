-- Writes a batch's accounts. What is there already stays as it is; an account whose organization is not there is passed over.
INSERT INTO users (id, organization_id, email, name, role, password_hash, created_at, updated_at)
SELECT r.value ->> '$.id', r.value ->> '$.organization_id', r.value ->> '$.email', r.value ->> '$.name', 'member', r.value ->> '$.password_hash', r.value ->> '$.created_at', r.value ->> '$.created_at'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM organizations AS t WHERE t.id = r.value ->> '$.organization_id') IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING 1
