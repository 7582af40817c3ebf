-- Remembers a sign-in; the latest moment wins, whatever the order of writing.
UPDATE users
SET last_login_at = $2
WHERE id = $1 AND (last_login_at IS NULL OR last_login_at < $2)
