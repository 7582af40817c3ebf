-- Renews a session by its first token. Always gives the session's state after it, from which the caller reads what
-- became of the token: renewed, renewed before within the grace, used before (which ends the session here), or none of ours.
-- The row is written here when it isn't there yet; as ended when everything of that time was ended. The lock waits for whoever
-- is just ending this person's sessions.
WITH owner AS MATERIALIZED (
    SELECT
        u.id, u.organization_id, u.email, u.name, u.role, u.created_at, u.last_login_at,
        u.sessions_valid_from >= $9::timestamptz AS ended
    FROM users AS u
    WHERE u.id = $2
    FOR SHARE
),
renewed AS (
    INSERT INTO sessions AS s (
        id, user_id, generation, refresh_digest, previous_digest, rotated_at, started_at, last_used_at, expires_at,
        revoked_at, revoked_reason, user_agent, ip
    )
    SELECT
        $1::uuid, o.id, $3::bigint + 1, $5::bytea, $4::bytea, $7::timestamptz, $9::timestamptz, $7::timestamptz,
        greatest($6::timestamptz, $10::timestamptz),
        CASE WHEN o.ended THEN $7::timestamptz END, CASE WHEN o.ended THEN 'all_ended' END, $11::text, $12::text
    FROM owner AS o
    ON CONFLICT (id) DO UPDATE
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
                WHEN s.revoked_at IS NOT NULL OR s.expires_at <= $7::timestamptz OR s.user_id <> excluded.user_id THEN 'dead'
                WHEN s.generation = $3::bigint AND coalesce(s.refresh_digest, $4::bytea) = $4::bytea THEN 'renew'
                WHEN s.generation - 1 = $3::bigint AND s.previous_digest <> $4::bytea THEN 'contradicted'
                WHEN s.generation - 1 = $3::bigint AND s.rotated_at > $8::timestamptz THEN 'replay'
                WHEN s.generation > $3::bigint THEN 'reuse'
                ELSE 'contradicted'
            END AS verdict
        ) AS v
    )
    RETURNING s.user_id, s.generation, s.refresh_digest, s.previous_digest, s.rotated_at, s.expires_at, s.revoked_reason
)
SELECT
    r.generation, r.refresh_digest, r.previous_digest, r.rotated_at, r.expires_at, r.revoked_reason,
    o.id, o.organization_id, o.email, o.name, o.role, o.created_at, o.last_login_at
FROM renewed AS r
JOIN owner AS o ON o.id = r.user_id
