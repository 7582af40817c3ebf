-- Stores a new key.
INSERT INTO api_keys (
    id, organization_id, made_by, name, prefix, digest, scopes, instance_ids, expires_at, rate_limit, rate_window_seconds, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
