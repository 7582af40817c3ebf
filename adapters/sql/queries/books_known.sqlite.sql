-- Says which of some books there are.
SELECT b.id
FROM json_each($1) AS w
CROSS JOIN books AS b
WHERE b.id = w.value ->> '$.book_id'
