-- Writes a batch's API keys. What is there already stays as it is; an API key whose maker is not there is passed over.
INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at)
SELECT r.id, r.organization_id, r.made_by, r.name, r.prefix, decode(r.digest, 'hex'), r.scopes, to_timestamp(r.created_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, organization_id uuid, made_by uuid, name text, prefix text, digest text, scopes text, created_at bigint)
WHERE (SELECT t.id FROM users AS t WHERE t.id = r.made_by) IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
