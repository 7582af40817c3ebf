-- Renews a session by its first token. Always gives the session's state after it, from which the caller reads what
-- became of the token: renewed, renewed before within the grace, used before (which ends the session here), or none of ours.
-- The row is written here when it isn't there yet; as ended when everything of that time was ended.
INSERT INTO sessions (
    id, user_id, generation, refresh_digest, previous_digest, rotated_at, started_at, last_used_at, expires_at,
    revoked_at, revoked_reason, user_agent, ip
)
SELECT
    $1, u.id, $3 + 1, $5, $4, $7, $9, $7, max($6, $10),
    CASE WHEN u.sessions_valid_from >= $9 THEN $7 END,
    CASE WHEN u.sessions_valid_from >= $9 THEN 'all_ended' END,
    $11, $12
FROM users AS u
WHERE u.id = $2
ON CONFLICT (id) DO UPDATE
SET (generation, refresh_digest, previous_digest, rotated_at, last_used_at, expires_at, revoked_at, revoked_reason) = (
    SELECT
        CASE v.verdict WHEN 'renew' THEN sessions.generation + 1 ELSE sessions.generation END,
        CASE v.verdict WHEN 'renew' THEN $5 ELSE sessions.refresh_digest END,
        CASE v.verdict WHEN 'renew' THEN $4 ELSE sessions.previous_digest END,
        CASE v.verdict WHEN 'renew' THEN $7 ELSE sessions.rotated_at END,
        CASE v.verdict WHEN 'renew' THEN $7 ELSE sessions.last_used_at END,
        CASE WHEN v.verdict = 'renew' AND sessions.expires_at < $6 THEN $6 ELSE sessions.expires_at END,
        CASE v.verdict WHEN 'reuse' THEN $7 ELSE sessions.revoked_at END,
        CASE v.verdict WHEN 'reuse' THEN 'reuse' ELSE sessions.revoked_reason END
    FROM (
        SELECT CASE
            WHEN sessions.revoked_at IS NOT NULL OR sessions.expires_at <= $7 OR sessions.user_id <> excluded.user_id THEN 'dead'
            WHEN sessions.generation = $3 AND coalesce(sessions.refresh_digest, $4) = $4 THEN 'renew'
            WHEN sessions.generation - 1 = $3 AND sessions.previous_digest <> $4 THEN 'contradicted'
            WHEN sessions.generation - 1 = $3 AND sessions.rotated_at > $8 THEN 'replay'
            WHEN sessions.generation > $3 THEN 'reuse'
            ELSE 'contradicted'
        END AS verdict
    ) AS v
)
RETURNING
    generation, refresh_digest, previous_digest, rotated_at, expires_at, revoked_reason,
    (SELECT u.id FROM users AS u WHERE u.id = sessions.user_id),
    (SELECT u.organization_id FROM users AS u WHERE u.id = sessions.user_id),
    (SELECT u.email FROM users AS u WHERE u.id = sessions.user_id),
    (SELECT u.name FROM users AS u WHERE u.id = sessions.user_id),
    (SELECT u.role FROM users AS u WHERE u.id = sessions.user_id),
    (SELECT u.created_at FROM users AS u WHERE u.id = sessions.user_id),
    (SELECT u.last_login_at FROM users AS u WHERE u.id = sessions.user_id)
