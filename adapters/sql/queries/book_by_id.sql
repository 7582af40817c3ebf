-- Finds a book with its description.
SELECT id, isbn, title, author, price_cents, created_at, description
FROM books
WHERE id = $1
