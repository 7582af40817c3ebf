-- Changes what is named of a book.
UPDATE books
SET isbn = coalesce($2, isbn),
    title = coalesce($3, title),
    author = coalesce($4, author),
    description = coalesce($5, description),
    price_cents = coalesce($6, price_cents),
    updated_at = $7
WHERE id = $1
RETURNING id, isbn, title, author, price_cents, created_at, description
