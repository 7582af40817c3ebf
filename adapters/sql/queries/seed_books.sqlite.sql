-- Writes a batch's books. What is there already stays as it is.
INSERT INTO books (id, isbn, title, author, description, price_cents, created_at, updated_at)
SELECT r.value ->> '$.id', r.value ->> '$.isbn', r.value ->> '$.title', r.value ->> '$.author', r.value ->> '$.description', r.value ->> '$.price_cents', r.value ->> '$.created_at', r.value ->> '$.created_at'
FROM json_each($1) AS r
WHERE true
ON CONFLICT DO NOTHING
RETURNING 1
