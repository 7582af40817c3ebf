-- Writes a batch's items of orders. What is there already stays as it is; an item whose order is not there is passed over.
INSERT INTO order_items (order_id, position, book_id, title, author, quantity, unit_price_cents)
SELECT r.order_id, r.position, r.book_id, r.title, r.author, r.quantity, r.unit_price_cents
FROM jsonb_to_recordset($1::text::jsonb) AS r (order_id uuid, position bigint, book_id uuid, title text, author text, quantity bigint, unit_price_cents bigint)
WHERE (SELECT t.id FROM orders AS t WHERE t.id = r.order_id) IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
