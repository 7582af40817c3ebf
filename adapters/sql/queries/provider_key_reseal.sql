-- Puts another ciphertext of the same key in place of the one that was read, unless its owner has stored another key meanwhile.
UPDATE provider_keys
SET key_id = $5, ciphertext = $6
WHERE user_id = $1 AND provider = $2 AND key_id = $3 AND ciphertext = $4
RETURNING user_id
