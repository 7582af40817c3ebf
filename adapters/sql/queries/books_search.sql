-- Finds books by their words after a place, best first of the newest ten thousand that have them: to rank every book with a common word is to read them all. The title counts
-- most, then the author; how good a book is depends on it and the search alone: on the words to find, because words to leave out would make all books equal. A search
-- without a word that must be there would be one for everything, and finds nothing.
SELECT id, isbn, title, author, price_cents, created_at, rank
FROM (
    SELECT
        n.id, n.isbn, n.title, n.author, n.price_cents, n.created_at,
        round(
            ts_rank(
                n.search,
                (SELECT querytree(websearch_to_tsquery('simple', $1::text::jsonb ->> 'websearch'))::tsquery)
            ) * 1000000
        )::bigint AS rank
    FROM (
        SELECT b.id, b.isbn, b.title, b.author, b.price_cents, b.created_at, b.search
        FROM books AS b
        WHERE b.search @@ websearch_to_tsquery('simple', $1::text::jsonb ->> 'websearch')
            AND querytree(websearch_to_tsquery('simple', $1::text::jsonb ->> 'websearch')) NOT IN ('', 'T')
        ORDER BY b.id DESC
        LIMIT 10000
    ) AS n
) AS found
WHERE (rank, id) < ($2, $3)
ORDER BY rank DESC, id DESC
LIMIT $4
