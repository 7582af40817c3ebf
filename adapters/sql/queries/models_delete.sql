-- Takes all models away, within a transaction that has made the catalogue its own and stores others.
DELETE FROM models
WHERE EXISTS (SELECT 1 FROM model_catalogue AS c WHERE c.source = $1 AND c.digest = $2 AND c.stored_at = $3)
