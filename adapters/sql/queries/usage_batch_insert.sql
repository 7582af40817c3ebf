-- Says that a batch of uses is added. Of two that add the same one the second waits here for the first, and is refused: so nothing is added twice.
INSERT INTO usage_batches (id, added_at)
VALUES ($1, $2)
