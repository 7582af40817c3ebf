-- Lists system settings after a place, oldest first.
SELECT key, id, value, created_at, updated_at
FROM settings
WHERE (created_at, id) > ($1, $2)
ORDER BY created_at ASC, id ASC
LIMIT $3
