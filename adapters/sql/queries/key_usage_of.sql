-- Shows the days on which a key of an organization was used. A key without any is one row without a day.
SELECT u.day, u.uses
FROM api_keys AS k
LEFT JOIN api_key_usage AS u ON u.key_id = k.id AND u.day >= $3
WHERE k.id = $1 AND k.organization_id = $2
ORDER BY u.day
