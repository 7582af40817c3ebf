-- Finds one of a batch's chats that isn't there: then the batch has to be written.
SELECT r.value ->> '$.id'
FROM json_each($1) AS r
WHERE (SELECT t.id FROM chats AS t WHERE t.id = r.value ->> '$.id') IS NULL
LIMIT 1
