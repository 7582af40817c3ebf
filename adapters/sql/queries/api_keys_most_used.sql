-- Finds the keys that were used most between two days, with the people who made them. Revoked ones are left out afterwards: they are few, and are used by nobody.
SELECT
    k.id, k.name, k.prefix, k.organization_id, k.scopes, k.instance_ids, k.revoked_at IS NOT NULL, k.expires_at, k.rate_limit,
    k.rate_window_seconds, k.created_at, h.last_at,
    u.id, u.organization_id, u.email, u.name, u.role, u.created_at, u.last_login_at,
    k.digest
FROM (
    SELECT d.key_id, sum(d.uses) AS uses, max(d.last_at) AS last_at
    FROM api_key_usage AS d
    WHERE d.day BETWEEN $1 AND $2
    GROUP BY d.key_id
    ORDER BY sum(d.uses) DESC, d.key_id
    LIMIT $3
) AS h
JOIN api_keys AS k ON k.id = h.key_id
JOIN users AS u ON u.id = k.made_by
WHERE k.revoked_at IS NULL
ORDER BY h.uses DESC, h.key_id
