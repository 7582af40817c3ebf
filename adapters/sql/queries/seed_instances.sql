-- Writes a batch's instances. What is there already stays as it is.
INSERT INTO instances (id, organization_id, created_at)
SELECT r.id, r.organization_id, to_timestamp(r.created_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, organization_id uuid, created_at bigint)
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
