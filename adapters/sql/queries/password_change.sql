-- Second step: stores the new hash while the old one still stands, and ends sessions that have no row yet.
UPDATE users
SET password_hash = $3,
    updated_at = $4,
    sessions_valid_from = CASE WHEN sessions_valid_from > $4 THEN sessions_valid_from ELSE $4 END
WHERE id = $1 AND password_hash = $2
RETURNING id
