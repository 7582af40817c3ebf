-- Lists system settings after a place, newest first.
SELECT key, id, value, created_at, updated_at
FROM settings
WHERE (created_at, id) < ($1, $2)
ORDER BY created_at DESC, id DESC
LIMIT $3
