-- Sets a system setting, new or not.
INSERT INTO settings (key, id, value, created_at, updated_at)
VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (key) DO UPDATE
SET value = excluded.value, updated_at = excluded.updated_at
RETURNING key, id, value, created_at, updated_at
