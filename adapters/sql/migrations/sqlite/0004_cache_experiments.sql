-- Ways to keep cached things, tried beside each other, and what servers saw of them.

CREATE TABLE cache_experiments (
    id TEXT PRIMARY KEY NOT NULL,
    -- Whose entries are split, without its colon.
    prefix TEXT NOT NULL,
    name TEXT NOT NULL,
    -- A JSON list of what each arm changes.
    arms TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    -- Null while it runs.
    ended_at INTEGER
) STRICT;

-- One of a prefix runs at most.
CREATE UNIQUE INDEX cache_experiments_prefix_key ON cache_experiments (prefix) WHERE ended_at IS NULL;
-- Finds those that run.
CREATE INDEX cache_experiments_ended_at_idx ON cache_experiments (ended_at);
-- Lists them.
CREATE INDEX cache_experiments_started_at_id_idx ON cache_experiments (started_at, id);

-- The arms that are in force: a row a prefix at most, so that adopting one is one row's change.
CREATE TABLE cache_adoptions (
    prefix TEXT PRIMARY KEY NOT NULL,
    experiment_id TEXT NOT NULL REFERENCES cache_experiments (id) ON DELETE CASCADE,
    arm TEXT NOT NULL,
    adopted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each process has seen so far: it replaces its own row, and a report adds them up.
CREATE TABLE cache_experiment_results (
    experiment_id TEXT NOT NULL REFERENCES cache_experiments (id) ON DELETE CASCADE,
    arm TEXT NOT NULL,
    server TEXT NOT NULL,
    reads INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    loads INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    -- Sums of milliseconds and of their squares, from which means and how sure they are can be computed.
    load_ms REAL NOT NULL,
    load_ms_squared REAL NOT NULL,
    age_ms REAL NOT NULL,
    age_ms_squared REAL NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (experiment_id, arm, server)
) STRICT, WITHOUT ROWID;

-- Finds the keys that were used lately, to warm the caches. Of a day alone: counting a use changes a row's sum and moment and so touches no index, which one of
-- the moment or of the sum would end; an entry is written with a key's first use of a day.
CREATE INDEX api_key_usage_day_idx ON api_key_usage (day);
