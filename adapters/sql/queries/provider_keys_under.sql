-- Reads what is encrypted under a key, after a place.
SELECT user_id, provider, enabled, key_id, ciphertext
FROM provider_keys
WHERE key_id = $1 AND (user_id, provider) > ($2, $3)
ORDER BY user_id, provider
LIMIT $4
