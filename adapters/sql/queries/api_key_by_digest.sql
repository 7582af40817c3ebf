-- Finds a key by its present or its superseded text, with the person who made it.
SELECT
    k.id, k.name, k.prefix, k.organization_id, k.scopes, k.instance_ids, k.revoked_at IS NOT NULL, k.expires_at, k.rate_limit,
    k.rate_window_seconds, k.created_at,
    (SELECT d.last_at FROM api_key_usage AS d WHERE d.key_id = k.id ORDER BY d.day DESC LIMIT 1),
    CASE WHEN k.digest = $1 THEN NULL ELSE k.superseded_until END,
    u.id, u.organization_id, u.email, u.name, u.role, u.created_at, u.last_login_at
FROM api_keys AS k
JOIN users AS u ON u.id = k.made_by
WHERE k.digest = $1 OR k.superseded_digest = $1
