-- Lists models after a place, oldest first.
SELECT id, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
FROM models
WHERE (released_at, place) > ($1, $2)
ORDER BY released_at ASC, place ASC
LIMIT $3
