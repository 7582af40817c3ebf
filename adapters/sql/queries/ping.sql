-- Asks whether the database answers at all.
SELECT CAST(1 AS bigint)
