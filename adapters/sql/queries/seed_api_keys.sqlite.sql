-- Writes a batch's API keys. What is there already stays as it is; an API key whose maker is not there is passed over.
INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at)
SELECT r.value ->> '$.id', r.value ->> '$.organization_id', r.value ->> '$.made_by', r.value ->> '$.name', r.value ->> '$.prefix', unhex(r.value ->> '$.digest'), r.value ->> '$.scopes', r.value ->> '$.created_at'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM users AS t WHERE t.id = r.value ->> '$.made_by') IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING 1
