-- Lists an organization's chats after a place, oldest first.
SELECT id, instance_id, title, last_message_id, last_message_text, last_message_at, message_count, created_at, updated_at
FROM chats
WHERE organization_id = $1 AND (created_at, id) > ($2, $3)
ORDER BY created_at, id
LIMIT $4
