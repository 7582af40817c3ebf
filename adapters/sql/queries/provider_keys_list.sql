-- Shows somebody's providers, by name.
SELECT provider, enabled, last4, updated_at
FROM provider_keys
WHERE user_id = $1
ORDER BY provider
