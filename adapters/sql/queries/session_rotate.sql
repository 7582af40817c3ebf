-- Renews a session by a later token. Always gives the session's state after it, from which the caller reads what
-- became of the token: renewed, renewed before within the grace, used before (which ends the session here), or none of ours.
UPDATE sessions AS s
SET (generation, refresh_digest, previous_digest, rotated_at, last_used_at, expires_at, revoked_at, revoked_reason) = (
    SELECT
        CASE v.verdict WHEN 'renew' THEN s.generation + 1 ELSE s.generation END,
        CASE v.verdict WHEN 'renew' THEN $5::bytea ELSE s.refresh_digest END,
        CASE v.verdict WHEN 'renew' THEN $4::bytea ELSE s.previous_digest END,
        CASE v.verdict WHEN 'renew' THEN $7::timestamptz ELSE s.rotated_at END,
        CASE v.verdict WHEN 'renew' THEN $7::timestamptz ELSE s.last_used_at END,
        CASE WHEN v.verdict = 'renew' AND s.expires_at < $6::timestamptz THEN $6::timestamptz ELSE s.expires_at END,
        CASE v.verdict WHEN 'reuse' THEN $7::timestamptz ELSE s.revoked_at END,
        CASE v.verdict WHEN 'reuse' THEN 'reuse' ELSE s.revoked_reason END
    FROM (
        SELECT CASE
            WHEN s.revoked_at IS NOT NULL OR s.expires_at <= $7::timestamptz THEN 'dead'
            WHEN s.generation = $3::bigint AND coalesce(s.refresh_digest, $4::bytea) = $4::bytea THEN 'renew'
            WHEN s.generation - 1 = $3::bigint AND s.previous_digest <> $4::bytea THEN 'contradicted'
            WHEN s.generation - 1 = $3::bigint AND s.rotated_at > $8::timestamptz THEN 'replay'
            WHEN s.generation > $3::bigint THEN 'reuse'
            ELSE 'contradicted'
        END AS verdict
    ) AS v
)
FROM users AS u
WHERE s.id = $1 AND s.user_id = $2 AND u.id = s.user_id
RETURNING
    s.generation, s.refresh_digest, s.previous_digest, s.rotated_at, s.expires_at, s.revoked_reason,
    u.id, u.organization_id, u.email, u.name, u.role, u.created_at, u.last_login_at
