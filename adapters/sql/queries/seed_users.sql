-- Writes a batch's accounts. What is there already stays as it is; an account whose organization is not there is passed over.
INSERT INTO users (id, organization_id, email, name, role, password_hash, created_at, updated_at)
SELECT r.id, r.organization_id, r.email, r.name, 'member', r.password_hash, to_timestamp(r.created_at / 1000000.0), to_timestamp(r.created_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, organization_id uuid, email text, name text, password_hash text, created_at bigint)
WHERE (SELECT t.id FROM organizations AS t WHERE t.id = r.organization_id) IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
