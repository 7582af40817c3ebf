-- Finds a person with the stored password hash.
SELECT id, organization_id, email, name, role, created_at, last_login_at, password_hash
FROM users
WHERE id = $1
