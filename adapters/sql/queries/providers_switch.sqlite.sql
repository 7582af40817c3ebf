-- Turns somebody's switches, none of them when the catalogue lacks one of the providers.
INSERT INTO provider_keys (user_id, provider, enabled, updated_at)
SELECT u.id, r.value ->> '$.provider', r.value ->> '$.enabled', $3
FROM json_each($2) AS r
CROSS JOIN users AS u
WHERE u.id = $1
  AND NOT EXISTS (
      SELECT 1
      FROM json_each($2) AS w
      WHERE (SELECT m.id FROM models AS m WHERE m.provider = w.value ->> '$.provider' LIMIT 1) IS NULL
  )
ON CONFLICT (user_id, provider) DO UPDATE
SET enabled = excluded.enabled,
    updated_at = CASE
        WHEN provider_keys.enabled = excluded.enabled THEN provider_keys.updated_at ELSE excluded.updated_at
    END
RETURNING provider
