-- Lists a person's orders after a place with all of their items, in no order: the orders are the first so many, newest first.
SELECT
    o.id, o.item_count, o.total_quantity, o.total_cents, o.created_at,
    i.position, i.quantity, i.unit_price_cents, i.book_id, i.title, i.author
FROM (
    SELECT id, item_count, total_quantity, total_cents, created_at
    FROM orders
    WHERE user_id = $1 AND (created_at, id) < ($2, $3)
    ORDER BY created_at DESC, id DESC
    LIMIT $4
) AS o
JOIN order_items AS i ON i.order_id = o.id
