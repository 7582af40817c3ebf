-- Finds a model.
SELECT id, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, hosted, released_at
FROM models
WHERE id = $1
