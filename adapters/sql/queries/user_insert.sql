-- Makes an account; a taken address breaks users_email_key.
INSERT INTO users (id, organization_id, email, email_verified_at, name, role, password_hash, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
