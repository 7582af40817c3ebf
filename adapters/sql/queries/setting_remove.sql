-- Removes a system setting.
DELETE FROM settings
WHERE key = $1
RETURNING key
