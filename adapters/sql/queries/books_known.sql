-- Says which of some books there are. Each is looked up by itself: the planner can't know how few there are.
SELECT b.id
FROM jsonb_to_recordset($1::text::jsonb) AS w (book_id uuid)
CROSS JOIN LATERAL (
    SELECT books.id
    FROM books
    WHERE books.id = w.book_id
    LIMIT 1
) AS b
