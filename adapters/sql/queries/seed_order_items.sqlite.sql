-- Writes a batch's items of orders. What is there already stays as it is; an item whose order is not there is passed over.
INSERT INTO order_items (order_id, position, book_id, title, author, quantity, unit_price_cents)
SELECT r.value ->> '$.order_id', r.value ->> '$.position', r.value ->> '$.book_id', r.value ->> '$.title', r.value ->> '$.author', r.value ->> '$.quantity', r.value ->> '$.unit_price_cents'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM orders AS t WHERE t.id = r.value ->> '$.order_id') IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING 1
