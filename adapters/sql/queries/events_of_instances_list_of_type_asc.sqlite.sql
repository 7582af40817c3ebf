-- Lists the events of a type of some of an organization's instances after a place and before a moment, oldest first: a page of each instance by its own index, and of these the first.
SELECT e.id, e.type, e.chat_id, e.payload, e.created_at, e.instance_id
FROM json_each($2) AS named
CROSS JOIN instances AS i ON i.id = named.value AND i.organization_id = $1
CROSS JOIN events AS e ON e.organization_id = $1 AND e.id IN (
    SELECT mine.id
    FROM events AS mine
    WHERE mine.instance_id = i.id
        AND mine.type = $3 AND (mine.created_at, mine.id) > ($4, $5) AND mine.created_at < $6
    ORDER BY mine.created_at, mine.id
    LIMIT $7
)
ORDER BY e.created_at, e.id
LIMIT $7
