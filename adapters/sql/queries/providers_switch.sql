-- Turns somebody's switches, none of them when the catalogue lacks one of the providers. Rows are taken in the order of their keys, so that two lists can't
-- wait for each other.
INSERT INTO provider_keys (user_id, provider, enabled, updated_at)
SELECT u.id, r.provider, r.enabled, $3
FROM jsonb_to_recordset($2::text::jsonb) AS r (provider text, enabled boolean)
CROSS JOIN users AS u
WHERE u.id = $1
  AND NOT EXISTS (
      SELECT 1
      FROM jsonb_to_recordset($2::text::jsonb) AS w (provider text)
      WHERE (SELECT m.id FROM models AS m WHERE m.provider = w.provider ORDER BY m.released_at, m.place LIMIT 1) IS NULL
  )
ORDER BY r.provider
ON CONFLICT (user_id, provider) DO UPDATE
SET enabled = excluded.enabled,
    updated_at = CASE
        WHEN provider_keys.enabled = excluded.enabled THEN provider_keys.updated_at ELSE excluded.updated_at
    END
RETURNING provider
