-- Finds books by their words after a place, best first of the newest ten thousand that have them: to rank every book with a common word is to read them all. The title counts most, then the author. How good a book is changes with every book that comes or goes: so the
-- place is where its book stands now, and where it stood only if that book is gone. Books that are as good are sorted by when they were added.
WITH hits AS MATERIALIZED (
    SELECT rowid AS number, CAST(-bm25(books_search, 10.0, 5.0, 1.0) * 1000000000 AS INTEGER) AS rank
    FROM books_search
    WHERE books_search MATCH ($1 ->> '$.fts5')
    ORDER BY rowid DESC
    LIMIT 10000
),
place AS MATERIALIZED (
    SELECT b.number, coalesce((SELECT h.rank FROM hits AS h WHERE h.number = b.number), $2) AS rank
    FROM (SELECT 1) LEFT JOIN books AS b ON b.id = $3
)
SELECT b.id, b.isbn, b.title, b.author, b.price_cents, b.created_at, f.rank
FROM (
    SELECT h.number, h.rank
    FROM hits AS h
    CROSS JOIN place AS p
    WHERE h.rank < p.rank
        OR h.rank = p.rank AND CASE
            WHEN p.number IS NULL THEN (SELECT g.id FROM books AS g WHERE g.number = h.number) < $3
            ELSE h.number < p.number
        END
    ORDER BY h.rank DESC, h.number DESC
    LIMIT $4
) AS f
CROSS JOIN books AS b ON b.number = f.number
ORDER BY f.rank DESC, f.number DESC
