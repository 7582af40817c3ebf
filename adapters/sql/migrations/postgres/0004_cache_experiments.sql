-- Ways to keep cached things, tried beside each other, and what servers saw of them.

CREATE TABLE cache_experiments (
    id uuid PRIMARY KEY,
    -- Whose entries are split, without its colon.
    prefix text NOT NULL,
    name text NOT NULL,
    -- A JSON list of what each arm changes.
    arms text NOT NULL,
    started_at timestamptz NOT NULL,
    -- Null while it runs.
    ended_at timestamptz
);

-- One of a prefix runs at most.
CREATE UNIQUE INDEX cache_experiments_prefix_key ON cache_experiments (prefix) WHERE ended_at IS NULL;
-- Finds those that run.
CREATE INDEX cache_experiments_ended_at_idx ON cache_experiments (ended_at);
-- Lists them.
CREATE INDEX cache_experiments_started_at_id_idx ON cache_experiments (started_at, id);

-- The arms that are in force: a row a prefix at most, so that adopting one is one row's change.
CREATE TABLE cache_adoptions (
    prefix text PRIMARY KEY,
    experiment_id uuid NOT NULL REFERENCES cache_experiments (id) ON DELETE CASCADE,
    arm text NOT NULL,
    adopted_at timestamptz NOT NULL
);

-- What each process or isolate has seen so far: it replaces its own row, and a report adds them up.
CREATE TABLE cache_experiment_results (
    experiment_id uuid NOT NULL REFERENCES cache_experiments (id) ON DELETE CASCADE,
    arm text NOT NULL,
    server uuid NOT NULL,
    reads bigint NOT NULL,
    hits bigint NOT NULL,
    loads bigint NOT NULL,
    errors bigint NOT NULL,
    -- Sums of milliseconds and of their squares, from which means and how sure they are can be computed.
    load_ms double precision NOT NULL,
    load_ms_squared double precision NOT NULL,
    age_ms double precision NOT NULL,
    age_ms_squared double precision NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (experiment_id, arm, server)
)
-- Room on each page lets a server's row be replaced in place, without touching an index.
WITH (fillfactor = 70);

-- Finds the keys that were used lately, to warm the caches. Of a day alone: counting a use changes a row's sum and moment and so touches no index, which one of
-- the moment or of the sum would end; an entry is written with a key's first use of a day.
CREATE INDEX api_key_usage_day_idx ON api_key_usage (day);
