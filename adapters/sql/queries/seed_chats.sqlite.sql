-- Writes a batch's chats. What is there already stays as it is; a chat whose instance is not there is passed over.
INSERT INTO chats (id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, last_message_at, created_at, updated_at)
SELECT r.value ->> '$.id', r.value ->> '$.organization_id', r.value ->> '$.instance_id', r.value ->> '$.address', r.value ->> '$.title', r.value ->> '$.message_count', r.value ->> '$.last_message_id', r.value ->> '$.last_message_text', r.value ->> '$.last_message_at', r.value ->> '$.created_at', r.value ->> '$.last_message_at'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM instances AS t WHERE t.id = r.value ->> '$.instance_id') IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING 1
