-- Lists a provider's models that can do something after a place, oldest first.
SELECT m.id, m.provider, m.name, m.context_window, m.input_cents_per_mtok, m.output_cents_per_mtok, m.capabilities, m.enabled, m.hosted, m.released_at
FROM model_capabilities AS c
JOIN models AS m ON m.id = c.model_id
WHERE c.provider = $1 AND c.capability = $2 AND (c.released_at, c.place) > ($3, $4)
ORDER BY c.released_at ASC, c.place ASC
LIMIT $5
