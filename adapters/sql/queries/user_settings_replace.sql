-- Replaces what somebody has set, if there is such a person.
INSERT INTO user_settings (user_id, preferences, enabled_models, updated_at)
SELECT u.id, $2, $3, $4
FROM users AS u
WHERE u.id = $1
ON CONFLICT (user_id) DO UPDATE
SET preferences = excluded.preferences, enabled_models = excluded.enabled_models, updated_at = excluded.updated_at
RETURNING user_id
