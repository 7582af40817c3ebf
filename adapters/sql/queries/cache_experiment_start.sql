-- Stores an experiment that runs from now on.
INSERT INTO cache_experiments (id, prefix, name, arms, started_at)
VALUES ($1, $2, $3, $4, $5)
