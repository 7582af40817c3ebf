-- Says where the stored catalogue comes from.
SELECT source, digest, stored_at FROM model_catalogue
