-- Finds a person's order with all of its items, in no order.
SELECT
    o.id, o.item_count, o.total_quantity, o.total_cents, o.created_at,
    i.position, i.quantity, i.unit_price_cents, i.book_id, i.title, i.author
FROM orders AS o
JOIN order_items AS i ON i.order_id = o.id
WHERE o.id = $1 AND o.user_id = $2
