-- Finds an organization's chat.
SELECT id, instance_id, title, last_message_id, last_message_text, last_message_at, message_count, created_at, updated_at
FROM chats
WHERE id = $1 AND organization_id = $2
