-- Finds messages by their words after a place, best first of the newest ten thousand that have them: to rank every message with a common word is to read them all. The index takes words and owner together; what it finds is compared with the columns as well. Ranks depend on all rows there are,
-- so the place is where its row stands now, and where it stood only if that row is gone. Rows of the same rank are sorted by when they were written.
WITH hits AS MATERIALIZED (
    SELECT s.rowid AS number, CAST(-bm25(messages_search, 1.0, 0.0) * 1000000000000 AS INTEGER) AS rank
    FROM messages_search AS s
    WHERE s.messages_search MATCH 'text : ' || ($2 ->> '$.fts5') || ' AND owner : ' || ($3 ->> '$.fts5')
    ORDER BY s.rowid DESC
    LIMIT 10000
),
place AS MATERIALIZED (
    SELECT m.number, coalesce((SELECT h.rank FROM hits AS h WHERE h.number = m.number), $5) AS rank
    FROM (SELECT 1) LEFT JOIN messages AS m ON m.id = $6 AND m.organization_id = $1
)
SELECT m.id, m.chat_id, m.direction, m.sender, m.text, m.status, m.created_at, f.rank
FROM (
    SELECT h.number, h.rank
    FROM hits AS h
    CROSS JOIN place AS p
    WHERE h.rank < p.rank
       OR h.rank = p.rank AND CASE
           WHEN p.number IS NULL THEN (SELECT m.id FROM messages AS m WHERE m.number = h.number) < $6
           ELSE h.number < p.number
       END
    ORDER BY h.rank DESC, h.number DESC
    LIMIT $7
) AS f
CROSS JOIN messages AS m ON m.number = f.number
WHERE m.organization_id = $1 AND ($4 IS NULL OR instr($4, m.instance_id) > 0)
ORDER BY f.rank DESC, f.number DESC
