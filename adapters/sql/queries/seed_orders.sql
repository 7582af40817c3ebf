-- Writes a batch's orders. What is there already stays as it is; an order whose account is not there is passed over.
INSERT INTO orders (id, user_id, item_count, total_quantity, total_cents, created_at)
SELECT r.id, r.user_id, r.item_count, r.total_quantity, r.total_cents, to_timestamp(r.created_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, user_id uuid, item_count bigint, total_quantity bigint, total_cents bigint, created_at bigint)
WHERE (SELECT t.id FROM users AS t WHERE t.id = r.user_id) IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
