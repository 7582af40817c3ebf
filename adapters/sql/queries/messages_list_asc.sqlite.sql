-- Lists a chat's messages after a place, oldest first: one row without a message where the chat has none there, and no row where there is no such chat.
SELECT c.instance_id, m.id, m.chat_id, m.direction, m.sender, m.text, m.status, m.created_at
FROM chats AS c
LEFT JOIN messages AS m ON m.chat_id = c.id AND m.organization_id = $1 AND (m.created_at, m.id) > ($3, $4)
WHERE c.id = $2 AND c.organization_id = $1
ORDER BY m.created_at, m.id
LIMIT $5
