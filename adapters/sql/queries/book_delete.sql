-- Takes a book out of the catalogue.
DELETE FROM books
WHERE id = $1
RETURNING id
