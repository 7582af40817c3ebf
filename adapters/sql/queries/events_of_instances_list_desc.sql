-- Lists the events of some of an organization's instances after a place and since a moment, newest first: a page of each instance by its own index, and of these the first.
SELECT e.id, e.type, e.chat_id, e.payload, e.created_at, e.instance_id
FROM jsonb_array_elements_text($2::text::jsonb) AS named (instance)
CROSS JOIN LATERAL (
    SELECT i.id FROM instances AS i WHERE i.id = named.instance::uuid AND i.organization_id = $1 LIMIT 1
) AS i
CROSS JOIN LATERAL (
    SELECT mine.id, mine.type, mine.chat_id, mine.payload, mine.created_at, mine.instance_id
    FROM events AS mine
    WHERE mine.instance_id = i.id AND mine.organization_id = $1
        AND (mine.created_at, mine.id) < ($3, $4) AND mine.created_at >= $5
    ORDER BY mine.created_at DESC, mine.id DESC
    LIMIT $6
) AS e
ORDER BY e.created_at DESC, e.id DESC
LIMIT $6
