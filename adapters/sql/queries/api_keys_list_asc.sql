-- Lists an organization's keys after a place, oldest first.
SELECT
    id, name, prefix, organization_id, scopes, instance_ids, revoked_at IS NOT NULL, expires_at, rate_limit, rate_window_seconds,
    created_at, last_used_at
FROM api_keys
WHERE organization_id = $1 AND (created_at, id) > ($2, $3)
ORDER BY created_at ASC, id ASC
LIMIT $4
