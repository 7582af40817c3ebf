-- Reads what somebody has set.
SELECT preferences, enabled_models
FROM user_settings
WHERE user_id = $1
