-- Writes the items of an order with their books as they are now: all of them, or none when a book is unknown. Each book is looked up by itself: the planner can't
-- know how few there are.
WITH found AS (
    SELECT w.position, w.book_id, b.title, b.author, w.quantity, b.price_cents
    FROM jsonb_to_recordset($2::text::jsonb) AS w (position bigint, book_id uuid, quantity bigint)
    CROSS JOIN LATERAL (
        SELECT books.title, books.author, books.price_cents
        FROM books
        WHERE books.id = w.book_id
        LIMIT 1
    ) AS b
)
INSERT INTO order_items (order_id, position, book_id, title, author, quantity, unit_price_cents)
SELECT $1, f.position, f.book_id, f.title, f.author, f.quantity, f.price_cents
FROM found AS f
WHERE (SELECT sum(1) FROM found) = jsonb_array_length($2::text::jsonb)
RETURNING position, quantity, unit_price_cents, book_id, title, author
