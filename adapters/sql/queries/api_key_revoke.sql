-- Revokes a key for good; the first moment stands.
UPDATE api_keys
SET revoked_at = coalesce(revoked_at, $3)
WHERE id = $1 AND organization_id = $2
RETURNING digest, superseded_digest
