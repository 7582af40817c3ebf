-- Changes a key that is not revoked; a flag before a nullable value says whether it is to change.
UPDATE api_keys
SET name = coalesce($3, name),
    scopes = coalesce($4, scopes),
    instance_ids = CASE WHEN $5 THEN $6 ELSE instance_ids END,
    expires_at = CASE WHEN $7 THEN $8 ELSE expires_at END,
    rate_limit = CASE WHEN $9 THEN $10 ELSE rate_limit END,
    rate_window_seconds = CASE WHEN $9 THEN $11 ELSE rate_window_seconds END
WHERE id = $1 AND organization_id = $2 AND revoked_at IS NULL
RETURNING
    id, name, prefix, organization_id, scopes, instance_ids, revoked_at IS NOT NULL, expires_at, rate_limit, rate_window_seconds,
    created_at,
    (SELECT u.last_at FROM api_key_usage AS u WHERE u.key_id = api_keys.id ORDER BY u.day DESC LIMIT 1),
    digest, superseded_digest
