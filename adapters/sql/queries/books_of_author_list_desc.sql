-- Lists an author's books after a place, newest first.
SELECT id, isbn, title, author, price_cents, created_at
FROM books
WHERE author = $1 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC
LIMIT $4
