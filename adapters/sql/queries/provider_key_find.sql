-- Finds somebody's key at a provider.
SELECT user_id, provider, enabled, key_id, ciphertext
FROM provider_keys
WHERE user_id = $1 AND provider = $2 AND key_id IS NOT NULL
