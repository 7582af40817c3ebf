-- Lists the chats of some of an organization's instances after a place, oldest first: a page of each instance by its own index, and of these the first.
SELECT
    c.id, c.instance_id, c.title, c.last_message_id, c.last_message_text, c.last_message_at, c.message_count, c.created_at, c.updated_at
FROM json_each($2) AS named
CROSS JOIN instances AS i ON i.id = named.value AND i.organization_id = $1
CROSS JOIN chats AS c ON c.organization_id = $1 AND c.id IN (
    SELECT mine.id
    FROM chats AS mine
    WHERE mine.instance_id = i.id AND (mine.created_at, mine.id) > ($3, $4)
    ORDER BY mine.created_at, mine.id
    LIMIT $5
)
ORDER BY c.created_at, c.id
LIMIT $5
