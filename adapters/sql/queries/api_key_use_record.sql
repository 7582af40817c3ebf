-- Remembers that a key was used; the latest moment wins, whatever the order of writing.
UPDATE api_keys
SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)
