-- Writes the items of an order with their books as they are now: all of them, or none when a book is unknown.
WITH found AS MATERIALIZED (
    SELECT w.value ->> '$.position' AS position, b.id, b.title, b.author, w.value ->> '$.quantity' AS quantity, b.price_cents
    FROM json_each($2) AS w
    CROSS JOIN books AS b
    WHERE b.id = w.value ->> '$.book_id'
)
INSERT INTO order_items (order_id, position, book_id, title, author, quantity, unit_price_cents)
SELECT $1, f.position, f.id, f.title, f.author, f.quantity, f.price_cents
FROM found AS f
WHERE (SELECT sum(1) FROM found) = json_array_length($2)
RETURNING position, quantity, unit_price_cents, book_id, title, author
