-- Uses up a one-time state; gives a row to the one caller who was first.
INSERT INTO used_states (digest, expires_at)
VALUES ($1, $2)
ON CONFLICT (digest) DO NOTHING
RETURNING expires_at
