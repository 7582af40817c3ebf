-- Says that another catalogue is stored, unless what was imported is to stay. Whoever replaces it at the same moment waits here until this transaction has ended.
INSERT INTO model_catalogue (singleton, source, digest, stored_at)
VALUES (true, $1, $2, $3)
ON CONFLICT (singleton) DO UPDATE
SET source = excluded.source, digest = excluded.digest, stored_at = excluded.stored_at
WHERE $4 OR model_catalogue.source = 'built-in'
