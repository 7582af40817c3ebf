-- Finds the account that an identity is linked to, and the account that has the address.
SELECT
    l.id, l.organization_id, l.email, l.name, l.role, l.created_at, l.last_login_at,
    e.id, e.password_hash IS NOT NULL, e.email_verified_at IS NOT NULL, h.user_id IS NOT NULL
FROM (SELECT 1) AS one
LEFT JOIN identities AS i ON i.provider = $1 AND i.subject = $2
LEFT JOIN users AS l ON l.id = i.user_id
LEFT JOIN users AS e ON e.email = $3
LEFT JOIN identities AS h ON h.user_id = e.id AND h.provider = $1
