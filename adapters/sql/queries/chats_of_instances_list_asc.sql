-- Lists the chats of some of an organization's instances after a place, oldest first: a page of each instance by its own index, and of these the first.
SELECT
    c.id, c.instance_id, c.title, c.last_message_id, c.last_message_text, c.last_message_at, c.message_count, c.created_at, c.updated_at
FROM jsonb_array_elements_text($2::text::jsonb) AS named (instance)
CROSS JOIN LATERAL (
    SELECT i.id FROM instances AS i WHERE i.id = named.instance::uuid AND i.organization_id = $1 LIMIT 1
) AS i
CROSS JOIN LATERAL (
    SELECT
        mine.id, mine.instance_id, mine.title, mine.last_message_id, mine.last_message_text, mine.last_message_at,
        mine.message_count, mine.created_at, mine.updated_at
    FROM chats AS mine
    WHERE mine.instance_id = i.id AND mine.organization_id = $1 AND (mine.created_at, mine.id) > ($3, $4)
    ORDER BY mine.created_at, mine.id
    LIMIT $5
) AS c
ORDER BY c.created_at, c.id
LIMIT $5
