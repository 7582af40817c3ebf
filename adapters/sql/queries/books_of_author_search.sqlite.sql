-- Finds an author's books by their words after a place, best first. The title counts most, then the author. How good a book is changes with every book that comes or goes: so the
-- place is where its book stands now, and where it stood only if that book is gone. Books that are as good are sorted by when they were added.
WITH hits AS MATERIALIZED (
    -- Of the author's books alone, because a rank is what costs.
    SELECT s.rowid AS number, CAST(-bm25(books_search, 10.0, 5.0, 1.0) * 1000000000 AS INTEGER) AS rank
    FROM books_search AS s
    CROSS JOIN books AS a ON a.number = s.rowid AND a.author = $5
    WHERE s.books_search MATCH ($1 ->> '$.fts5')
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
    CROSS JOIN books AS a ON a.number = h.number
    WHERE h.rank < p.rank
        OR h.rank = p.rank AND CASE WHEN p.number IS NULL THEN a.id < $3 ELSE h.number < p.number END
    ORDER BY h.rank DESC, h.number DESC
    LIMIT $4
) AS f
CROSS JOIN books AS b ON b.number = f.number
ORDER BY f.rank DESC, f.number DESC
