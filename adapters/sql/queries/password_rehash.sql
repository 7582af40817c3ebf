-- Stores the same password's hash at a higher cost, while the old hash still stands.
UPDATE users
SET password_hash = $3
WHERE id = $1 AND password_hash = $2
