-- Finds a key of an organization.
SELECT
    id, name, prefix, organization_id, scopes, instance_ids, revoked_at IS NOT NULL, expires_at, rate_limit, rate_window_seconds,
    created_at,
    (SELECT u.last_at FROM api_key_usage AS u WHERE u.key_id = api_keys.id ORDER BY u.day DESC LIMIT 1)
FROM api_keys
WHERE id = $1 AND organization_id = $2
