-- Adds the uses of a batch. A key that is gone is passed over.
INSERT INTO api_key_usage (key_id, day, uses, last_at)
SELECT k.id, r.value ->> '$.day', r.value ->> '$.uses', r.value ->> '$.last_micros'
FROM json_each($1) AS r
CROSS JOIN api_keys AS k
WHERE k.id = r.value ->> '$.key_id'
ON CONFLICT (key_id, day) DO UPDATE
SET uses = api_key_usage.uses + excluded.uses,
    last_at = CASE WHEN api_key_usage.last_at > excluded.last_at THEN api_key_usage.last_at ELSE excluded.last_at END
