-- Shows the statements that have run for long, and the transactions that wait for their next one for long: milliseconds, how many; oldest first.
SELECT pid, state, CAST(extract(epoch FROM age) / 0.001 AS bigint), wait_event_type, wait_event, application_name, query
FROM (
    SELECT
        CAST(pid AS bigint) AS pid,
        state,
        clock_timestamp() - CASE WHEN state = 'active' THEN query_start ELSE xact_start END AS age,
        wait_event_type,
        wait_event,
        coalesce(application_name, '') AS application_name,
        query
    FROM pg_stat_activity
    WHERE
        datname = current_database()
        AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()
        AND (state = 'active' OR state LIKE 'idle in transaction%')
) AS open
WHERE age >= make_interval(secs => CAST(CAST($1 AS bigint) / 1000.0 AS double precision))
ORDER BY age DESC, pid
LIMIT CAST($2 AS bigint)
