-- Writes a batch's orders. What is there already stays as it is; an order whose account is not there is passed over.
INSERT INTO orders (id, user_id, item_count, total_quantity, total_cents, created_at)
SELECT r.value ->> '$.id', r.value ->> '$.user_id', r.value ->> '$.item_count', r.value ->> '$.total_quantity', r.value ->> '$.total_cents', r.value ->> '$.created_at'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM users AS t WHERE t.id = r.value ->> '$.user_id') IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING 1
