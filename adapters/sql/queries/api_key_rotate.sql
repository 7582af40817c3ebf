-- Gives a key that is not revoked a new text; the present one goes on until a moment, and one before that ends.
UPDATE api_keys
SET digest = $3, prefix = $4, superseded_digest = digest, superseded_until = $5
WHERE id = $1 AND organization_id = $2 AND revoked_at IS NULL
RETURNING
    id, name, prefix, organization_id, scopes, instance_ids, revoked_at IS NOT NULL, expires_at, rate_limit, rate_window_seconds,
    created_at, last_used_at
