-- Writes a batch's messages. What is there already stays as it is; a message whose chat is not there is passed over.
INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
SELECT r.id, r.organization_id, r.instance_id, r.chat_id, r.direction, r.sender, r.text, r.status, to_timestamp(r.created_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, organization_id uuid, instance_id uuid, chat_id uuid, direction text, sender text, text text, status text, created_at bigint)
WHERE (SELECT t.id FROM chats AS t WHERE t.id = r.chat_id) IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
