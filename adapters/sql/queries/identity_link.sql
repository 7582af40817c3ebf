-- Links an identity to an account, and says whose it is now. An account's second identity at a provider breaks
-- identities_user_id_provider_key.
INSERT INTO identities (provider, subject, user_id, linked_at)
SELECT $1, $2, u.id, $4
FROM users AS u
WHERE u.id = $3
ON CONFLICT (provider, subject) DO UPDATE SET linked_at = identities.linked_at
RETURNING user_id
