-- Adds a book.
INSERT INTO books (id, isbn, title, author, description, price_cents, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
