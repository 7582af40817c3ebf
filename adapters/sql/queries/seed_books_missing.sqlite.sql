-- Finds one of a batch's books that isn't there: then the batch has to be written.
SELECT r.value ->> '$.id'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM books AS t WHERE t.id = r.value ->> '$.id') IS NULL
LIMIT 1
