-- Tells whose keys at which providers are encrypted under a key, after a place; answered by the index alone.
SELECT user_id, provider
FROM provider_keys
WHERE key_id = $1 AND (user_id, provider) > ($2, $3)
ORDER BY user_id, provider
LIMIT $4
