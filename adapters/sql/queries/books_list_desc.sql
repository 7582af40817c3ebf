-- Lists books after a place, newest first.
SELECT id, isbn, title, author, price_cents, created_at
FROM books
WHERE (created_at, id) < ($1, $2)
ORDER BY created_at DESC, id DESC
LIMIT $3
