-- Stores somebody's key at a provider, if a model of the catalogue is of that provider. The switch stays as it is.
INSERT INTO provider_keys (user_id, provider, enabled, ciphertext, key_id, last4, updated_at)
SELECT u.id, $2, true, $3, $4, $5, $6
FROM users AS u
WHERE u.id = $1 AND (SELECT m.id FROM models AS m WHERE m.provider = $2 ORDER BY m.released_at, m.place LIMIT 1) IS NOT NULL
ON CONFLICT (user_id, provider) DO UPDATE
SET ciphertext = excluded.ciphertext, key_id = excluded.key_id, last4 = excluded.last4, updated_at = excluded.updated_at
RETURNING user_id
