-- Tells what the connections to the database do, whoever opened them, without the one that asks; connections of other accounts may not show their state.
SELECT
    'postgres',
    CAST(coalesce(sum(CASE WHEN state = 'active' THEN 1 ELSE 0 END), 0) AS bigint),
    CAST(coalesce(sum(CASE WHEN state = 'active' AND wait_event IS NOT NULL THEN 1 ELSE 0 END), 0) AS bigint),
    CAST(coalesce(sum(CASE WHEN state = 'active' AND wait_event_type = 'Lock' THEN 1 ELSE 0 END), 0) AS bigint),
    CAST(coalesce(sum(CASE WHEN state = 'idle' THEN 1 ELSE 0 END), 0) AS bigint),
    CAST(coalesce(sum(CASE WHEN state LIKE 'idle in transaction%' THEN 1 ELSE 0 END), 0) AS bigint),
    CAST(coalesce(sum(CASE WHEN state IS NULL OR state = 'disabled' THEN 1 ELSE 0 END), 0) AS bigint),
    CAST(current_setting('max_connections') AS bigint),
    CAST(NULL AS bigint),
    CAST(NULL AS bigint),
    CAST(NULL AS bigint)
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
