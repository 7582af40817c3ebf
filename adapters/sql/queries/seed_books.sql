-- Writes a batch's books. What is there already stays as it is.
INSERT INTO books (id, isbn, title, author, description, price_cents, created_at, updated_at)
SELECT r.id, r.isbn, r.title, r.author, r.description, r.price_cents, to_timestamp(r.created_at / 1000000.0), to_timestamp(r.created_at / 1000000.0)
FROM jsonb_to_recordset($1::text::jsonb) AS r (id uuid, isbn text, title text, author text, description text, price_cents bigint, created_at bigint)
ON CONFLICT DO NOTHING
RETURNING CAST(1 AS bigint)
