-- Finds a person.
SELECT id, organization_id, email, name, role, created_at, last_login_at
FROM users
WHERE id = $1
