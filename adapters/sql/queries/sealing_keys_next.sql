-- Finds the next key under which anything is encrypted: a step along the index a key, however many rows each has.
SELECT key_id
FROM provider_keys
WHERE key_id > $1
ORDER BY key_id
LIMIT 1
