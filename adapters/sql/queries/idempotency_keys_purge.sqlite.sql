-- Deletes some idempotency keys that are free again, a row of the answer for each.
DELETE FROM idempotency_keys
WHERE rowid IN (
    SELECT k.rowid FROM idempotency_keys AS k WHERE k.created_at <= $1 ORDER BY k.created_at LIMIT $2
)
RETURNING CAST(1 AS bigint)
