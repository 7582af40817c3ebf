-- Finds messages by their words after a place, best first of the newest ten thousand that have them: to rank every message with a common word is to read them all. One look into the index
-- takes words and owner together; where the words are so common that the newest messages soon show enough of them, those are read from the newest on instead, by the owner's index of them. What is found is compared with
-- the columns as well. A search without a word that must be there would be one for everything, and finds nothing. Words that must not be there have no part in the rank: with them `ts_rank` would
-- rank all alike.
SELECT f.id, f.chat_id, f.direction, f.sender, f.text, f.status, f.created_at, f.rank
FROM (
    SELECT
        n.id, n.chat_id, n.direction, n.sender, n.text, n.status, n.created_at,
        round(ts_rank(n.search, querytree(websearch_to_tsquery('simple', $2::text::jsonb ->> 'websearch'))::tsquery) * 1000000)::bigint AS rank
    FROM (
        SELECT m.id, m.chat_id, m.direction, m.sender, m.text, m.status, m.created_at, m.search
        FROM messages AS m
        WHERE m.search @@ (websearch_to_tsquery('simple', $2::text::jsonb ->> 'websearch') && ($3::text::jsonb ->> 'tsquery')::tsquery)
          AND querytree(websearch_to_tsquery('simple', $2::text::jsonb ->> 'websearch')) NOT IN ('', 'T')
          AND m.organization_id = $1
          AND ($4::text IS NULL OR position(m.instance_id::text IN $4) > 0)
        ORDER BY m.id DESC
        LIMIT 10000
    ) AS n
) AS f
WHERE (f.rank, f.id) < ($5, $6)
ORDER BY f.rank DESC, f.id DESC
LIMIT $7
