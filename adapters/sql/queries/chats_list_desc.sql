-- Lists an organization's chats after a place, newest first.
SELECT id, instance_id, title, last_message_id, last_message_text, last_message_at, message_count, created_at, updated_at
FROM chats
WHERE organization_id = $1 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC
LIMIT $4
