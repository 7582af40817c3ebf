-- The same with what they can do: all at once is quicker than model by model.
DELETE FROM model_capabilities
WHERE EXISTS (SELECT 1 FROM model_catalogue AS c WHERE c.source = $1 AND c.digest = $2 AND c.stored_at = $3)
