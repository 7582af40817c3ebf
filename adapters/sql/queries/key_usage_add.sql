-- Adds the uses of a batch. The lock keeps a key from going meanwhile; one that is gone is passed over. Rows are taken in the order of their keys,
-- so that two batches can't wait for each other.
INSERT INTO api_key_usage (key_id, day, uses, last_at)
SELECT k.id, r.day, r.uses, r.last_at
FROM jsonb_to_recordset($1::text::jsonb) AS r (key_id uuid, day bigint, uses bigint, last_at timestamptz)
CROSS JOIN LATERAL (
    SELECT api_keys.id
    FROM api_keys
    WHERE api_keys.id = r.key_id
    FOR KEY SHARE
) AS k
ORDER BY r.key_id, r.day
ON CONFLICT (key_id, day) DO UPDATE
SET uses = api_key_usage.uses + excluded.uses,
    last_at = CASE WHEN api_key_usage.last_at > excluded.last_at THEN api_key_usage.last_at ELSE excluded.last_at END
