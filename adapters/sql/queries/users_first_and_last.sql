-- Finds the first and the last account by identifier, which tells whether any is of another time than those that were seeded.
SELECT
    (SELECT u.id FROM users AS u ORDER BY u.id LIMIT 1) AS first,
    (SELECT u.id FROM users AS u ORDER BY u.id DESC LIMIT 1) AS last
