-- Finds an author's books by their words after a place, best first. The title counts most, then the author; how good a book is depends on it and the search alone: on the words
-- to find, because words to leave out would make all books equal. A search without a word that must be there would be one for everything, and finds nothing.
SELECT id, isbn, title, author, price_cents, created_at, rank
FROM (
    SELECT
        b.id, b.isbn, b.title, b.author, b.price_cents, b.created_at,
        round(
            ts_rank(
                b.search,
                (SELECT querytree(websearch_to_tsquery('simple', $1::text::jsonb ->> 'websearch'))::tsquery)
            ) * 1000000
        )::bigint AS rank
    FROM books AS b
    WHERE b.search @@ websearch_to_tsquery('simple', $1::text::jsonb ->> 'websearch')
        AND querytree(websearch_to_tsquery('simple', $1::text::jsonb ->> 'websearch')) NOT IN ('', 'T')
        AND b.author = $5
) AS found
WHERE (rank, id) < ($2, $3)
ORDER BY rank DESC, id DESC
LIMIT $4
