-- Lists a provider's models after a place, oldest first.
SELECT id, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
FROM models
WHERE provider = $1 AND (released_at, place) > ($2, $3)
ORDER BY released_at ASC, place ASC
LIMIT $4
