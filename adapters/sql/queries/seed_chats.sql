-- Writes a batch's chats. What is there already stays as it is; a chat whose instance is not there is passed over.
INSERT INTO chats (id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, last_message_at, created_at, updated_at)
SELECT r.id, r.organization_id, r.instance_id, r.address, r.title, r.message_count, r.last_message_id, r.last_message_text, to_timestamp(r.last_message_at / 1000000.0), to_timestamp(r.created_at / 1000000.0), to_timestamp(r.last_message_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, organization_id uuid, instance_id uuid, address text, title text, message_count bigint, last_message_id uuid, last_message_text text, last_message_at bigint, created_at bigint)
WHERE (SELECT t.id FROM instances AS t WHERE t.id = r.instance_id) IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
