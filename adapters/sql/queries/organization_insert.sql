-- Makes the organization of a new account.
INSERT INTO organizations (id, created_at)
VALUES ($1, $2)
