-- Lists a chat's messages after a place, oldest first: one row without a message where the chat has none there, and no row where there is no such chat.
SELECT c.instance_id, m.id, m.chat_id, m.direction, m.sender, m.text, m.status, m.created_at
FROM chats AS c
LEFT JOIN LATERAL (
    SELECT mine.id, mine.chat_id, mine.direction, mine.sender, mine.text, mine.status, mine.created_at
    FROM messages AS mine
    WHERE mine.chat_id = c.id AND mine.organization_id = $1 AND (mine.created_at, mine.id) > ($3, $4)
    ORDER BY mine.created_at, mine.id
    LIMIT $5
) AS m ON true
WHERE c.id = $2 AND c.organization_id = $1
ORDER BY m.created_at, m.id
