-- First step of ending all sessions of a person: those without a row. Must come first, so that a row that is being written
-- at the same time is seen by the second step.
UPDATE users
SET sessions_valid_from = $2
WHERE id = $1 AND (sessions_valid_from IS NULL OR sessions_valid_from < $2)
