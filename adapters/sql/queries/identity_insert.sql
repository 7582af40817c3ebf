-- Links a new account to the identity that it was made for.
INSERT INTO identities (provider, subject, user_id, linked_at)
VALUES ($1, $2, $3, $4)
