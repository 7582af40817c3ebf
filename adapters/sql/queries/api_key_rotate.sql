-- Gives a key that is not revoked a new text; the present one goes on until a moment, and one before that ends.
UPDATE api_keys
SET digest = $3, prefix = $4, superseded_digest = digest, superseded_until = $5
WHERE id = $1 AND organization_id = $2 AND revoked_at IS NULL
RETURNING
    id, name, prefix, organization_id, scopes, instance_ids, revoked_at IS NOT NULL, expires_at, rate_limit, rate_window_seconds,
    created_at,
    (SELECT u.last_at FROM api_key_usage AS u WHERE u.key_id = api_keys.id ORDER BY u.day DESC LIMIT 1),
    digest, superseded_digest
