-- Lists an author's books after a place, oldest first.
SELECT id, isbn, title, author, price_cents, created_at
FROM books
WHERE author = $1 AND (created_at, id) > ($2, $3)
ORDER BY created_at ASC, id ASC
LIMIT $4
