-- Deletes the names of some batches that nobody sends any more, a row of the answer for each.
DELETE FROM usage_batches
WHERE id = ANY (ARRAY(
    SELECT id FROM usage_batches WHERE added_at <= $1 ORDER BY added_at LIMIT $2
))
RETURNING CAST(1 AS bigint)
