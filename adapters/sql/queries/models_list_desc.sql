-- Lists models after a place, newest first.
SELECT id, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
FROM models
WHERE (released_at, place) < ($1, $2)
ORDER BY released_at DESC, place DESC
LIMIT $3
