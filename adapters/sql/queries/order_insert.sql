-- Writes an order whose items were written just before; none where none were.
INSERT INTO orders (id, user_id, item_count, total_quantity, total_cents, created_at)
SELECT $1, $2, sum(1), sum(i.quantity), sum(i.quantity * i.unit_price_cents), $3
FROM order_items AS i
WHERE i.order_id = $1
HAVING sum(1) > 0
RETURNING item_count, total_quantity, total_cents
