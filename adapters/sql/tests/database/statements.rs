use std::{collections::BTreeSet, fs, path::Path};

use portico_sql::{
    driver::{Effect, Statement, Type},
    statements::all,
};
use sqlx::{Connection as _, Either, Executor as _, Row as _, SqlSafeStr as _, Statement as _};
use tokio_postgres::SimpleQueryMessage;

use crate::{
    Case, cases,
    world::{PostgresDatabase, Server},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    every_query_file_is_registered_and_says_what_for,
    no_statement_counts_skips_or_takes_all_columns,
    every_statement_prepares_on_postgres_as_declared,
    every_statement_prepares_on_sqlite_as_declared,
    no_plan_on_postgres_scans_a_table,
    no_plan_on_sqlite_scans_a_table,
];

// Not `cache_adoptions`: it has a row a prefix at most, and is read whole.
const TABLES: [&str; 10] = [
    "organizations",
    "users",
    "sessions",
    "identities",
    "used_states",
    "api_keys",
    "api_key_usage",
    "usage_batches",
    "cache_experiments",
    "cache_experiment_results",
];

async fn every_query_file_is_registered_and_says_what_for(_: Server) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-- "), "{} does not say what it is for", path.display());
        assert!(!without_comments(&text).contains(';'), "{} is not one statement", path.display());
        files.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    let mut registered = BTreeSet::new();
    for statement in all() {
        assert!(registered.insert(format!("{}.sql", statement.name)), "{} stands twice", statement.name);
        if statement.sqlite != statement.postgres {
            registered.insert(format!("{}.sqlite.sql", statement.name));
        }
    }
    assert_eq!(files, registered);
}

async fn no_statement_counts_skips_or_takes_all_columns(_: Server) {
    for statement in all() {
        for text in [statement.postgres, statement.sqlite] {
            let text = without_comments(text).to_uppercase();
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(!words.contains(&"OFFSET"), "{}", statement.name);
            assert!(!text.contains('*'), "{}", statement.name);
            assert!(!text.contains("COUNT("), "{}", statement.name);
            let writes = ["INSERT ", "UPDATE ", "DELETE "].iter().any(|word| text.contains(word));
            assert_eq!(statement.effect == Effect::Write, writes, "{}", statement.name);
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

async fn client(database: &PostgresDatabase) -> tokio_postgres::Client {
    use portico_sql::hyperdrive::Dial as _;
    let dialled = crate::world::Tcp(database.url.clone()).dial().await.unwrap();
    let (client, connection) =
        dialled.config.connect_raw(dialled.stream, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

const fn postgres_type(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::Integer => "int8",
        Type::Text => "text",
        Type::Bytes => "bytea",
        Type::Uuid => "uuid",
        Type::Time => "timestamptz",
    }
}

/// Without any types given, as Neon's endpoint has it: what Postgres infers must be what the statement declares.
async fn every_statement_prepares_on_postgres_as_declared(server: Server) {
    let client = client(&server.database().await).await;
    for statement in all() {
        let prepared = client.prepare(statement.postgres).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
        let parameters: Vec<&str> = prepared.params().iter().map(tokio_postgres::types::Type::name).collect();
        let declared: Vec<&str> = statement.parameters.iter().map(|kind| postgres_type(*kind)).collect();
        assert_eq!(parameters, declared, "parameters of {}", statement.name);
        let columns: Vec<&str> = prepared.columns().iter().map(|column| column.type_().name()).collect();
        let declared: Vec<&str> = statement.columns.iter().map(|kind| postgres_type(*kind)).collect();
        assert_eq!(columns, declared, "columns of {}", statement.name);
    }
}

async fn sqlite(server: &Server) -> sqlx::SqliteConnection {
    let path = server.empty_file();
    let driver = portico_sql::sqlite::open(&path).unwrap();
    driver.migrate(crate::world::now()).await.unwrap();
    driver.close().await;
    sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

async fn every_statement_prepares_on_sqlite_as_declared(server: Server) {
    let mut connection = sqlite(&server).await;
    for statement in all() {
        let prepared = connection.prepare(statement.sqlite.into_sql_str()).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        let Some(Either::Right(parameters)) = prepared.parameters() else { panic!("{}", statement.name) };
        assert_eq!(parameters, statement.parameters.len(), "parameters of {}", statement.name);
        assert_eq!(prepared.columns().len(), statement.columns.len(), "columns of {}", statement.name);
    }
}

const FILL_POSTGRES: &str = "
    INSERT INTO organizations (id, created_at)
    SELECT md5('o' || n)::uuid, to_timestamp(n) FROM generate_series(1, 4000) AS n;
    INSERT INTO users (id, organization_id, email, role, password_hash, created_at, updated_at)
    SELECT md5('u' || n)::uuid, md5('o' || n)::uuid, 'u' || n || '@example.com', 'member', 'h' || n, to_timestamp(n), to_timestamp(n)
    FROM generate_series(1, 4000) AS n;
    INSERT INTO sessions (id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at)
    SELECT md5('s' || n)::uuid, md5('u' || (1 + n % 4000))::uuid, 0, decode(md5('d' || n), 'hex'), to_timestamp(n), to_timestamp(n),
           to_timestamp(n + 1000)
    FROM generate_series(1, 8000) AS n;
    INSERT INTO identities (provider, subject, user_id, linked_at)
    SELECT 'github', n::text, md5('u' || n)::uuid, to_timestamp(n) FROM generate_series(1, 4000) AS n;
    INSERT INTO used_states (digest, expires_at)
    SELECT decode(md5('x' || n), 'hex'), to_timestamp(n) FROM generate_series(1, 4000) AS n;
    INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at)
    SELECT md5('k' || n)::uuid, md5('o' || (1 + n % 4000))::uuid, md5('u' || (1 + n % 4000))::uuid, 'k' || n, 'pk_fake', decode(md5('d' || n), 'hex'),
           '', to_timestamp(n)
    FROM generate_series(1, 8000) AS n;
    INSERT INTO api_key_usage (key_id, day, uses, last_at)
    SELECT md5('k' || n)::uuid, day, n, to_timestamp(day * 86400) FROM generate_series(1, 4000) AS n, generate_series(0, 1) AS day;
    INSERT INTO usage_batches (id, added_at)
    SELECT md5('b' || n)::uuid, to_timestamp(n) FROM generate_series(1, 4000) AS n;
    INSERT INTO cache_experiments (id, prefix, name, arms, started_at, ended_at)
    SELECT md5('e' || n)::uuid, 'api-key', 'e' || n, '[]', to_timestamp(n), to_timestamp(n + 1) FROM generate_series(1, 4000) AS n;
    INSERT INTO cache_experiment_results (
        experiment_id, arm, server, reads, hits, loads, errors, load_ms, load_ms_squared, age_ms, age_ms_squared, updated_at
    )
    SELECT md5('e' || n)::uuid, arm, md5('v' || n)::uuid, 1, 1, 1, 0, 1, 1, 1, 1, to_timestamp(n)
    FROM generate_series(1, 4000) AS n, unnest(ARRAY['a', 'b']) AS arm;
    ANALYZE;
";

/// What a statement that takes a list of rows is planned with.
const ROWS: &str = r#"'[{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "user_id": "01890a5d-ac96-774b-bcce-b302099a8058",
    "key_id": "01890a5d-ac96-774b-bcce-b302099a8059", "day": 20000, "uses": 1, "experiment_id": "01890a5d-ac96-774b-bcce-b302099a805a",
    "arm": "a", "server": "01890a5d-ac96-774b-bcce-b302099a805b"}]'"#;

/// A value that some row has, or that cuts off a small part of the rows.
const fn sample(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "true",
        Type::Integer => "20",
        Type::Text => "'u17@example.com'",
        Type::Bytes => "decode(md5('d17'), 'hex')",
        Type::Uuid => "md5('u17')::uuid",
        Type::Time => "to_timestamp(1100)",
    }
}

async fn no_plan_on_postgres_scans_a_table(server: Server) {
    let client = client(&server.database().await).await;
    client.batch_execute(FILL_POSTGRES).await.unwrap();
    let mut scans = Vec::new();
    for statement in all() {
        let types: Vec<&str> = statement.parameters.iter().map(|kind| postgres_type(*kind)).collect();
        let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
        let takes_rows = statement.postgres.contains("jsonb_to_recordset($1");
        let one = |kind: &Type| if takes_rows { ROWS } else { sample(*kind) };
        let samples: Vec<&str> = statement.parameters.iter().map(one).collect();
        let samples = if samples.is_empty() { String::new() } else { format!("({})", samples.join(", ")) };
        client.batch_execute(&format!("PREPARE planned{types} AS {}", statement.postgres)).await.unwrap();
        // For these values, as an unnamed statement is planned, and for any, as a cached one is.
        for mode in ["force_custom_plan", "force_generic_plan"] {
            client.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
            let plan = client.simple_query(&format!("EXPLAIN EXECUTE planned{samples}")).await.unwrap();
            for line in plan {
                if let SimpleQueryMessage::Row(row) = line
                    && let Some(text) = row.get(0)
                    && TABLES.iter().any(|table| text.contains(&format!("Seq Scan on {table}")))
                {
                    scans.push(format!("{} ({mode}): {text}", statement.name));
                }
            }
        }
        client.batch_execute("DEALLOCATE planned").await.unwrap();
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

const FILL_SQLITE: &str = "
    CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 8000) SELECT n FROM counted;
    INSERT INTO organizations (id, created_at) SELECT 'o' || n, n FROM numbers WHERE n <= 4000;
    INSERT INTO users (id, organization_id, email, role, password_hash, created_at, updated_at)
    SELECT 'u' || n, 'o' || n, 'u' || n || '@example.com', 'member', 'h' || n, n, n FROM numbers WHERE n <= 4000;
    INSERT INTO sessions (id, user_id, generation, refresh_digest, started_at, last_used_at, expires_at)
    SELECT 's' || n, 'u' || (1 + n % 4000), 0, CAST('d' || n AS BLOB), n, n, n + 1000 FROM numbers;
    INSERT INTO identities (provider, subject, user_id, linked_at)
    SELECT 'github', 'g' || n, 'u' || n, n FROM numbers WHERE n <= 4000;
    INSERT INTO used_states (digest, expires_at) SELECT CAST('x' || n AS BLOB), n FROM numbers WHERE n <= 4000;
    INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at)
    SELECT 'k' || n, 'o' || (1 + n % 4000), 'u' || (1 + n % 4000), 'k' || n, 'pk_fake', CAST('d' || n AS BLOB), '', n FROM numbers;
    INSERT INTO api_key_usage (key_id, day, uses, last_at) SELECT 'k' || n, 1, n, n FROM numbers;
    INSERT INTO usage_batches (id, added_at) SELECT 'b' || n, n FROM numbers WHERE n <= 4000;
    INSERT INTO cache_experiments (id, prefix, name, arms, started_at, ended_at)
    SELECT 'e' || n, 'api-key', 'e' || n, '[]', n, n + 1 FROM numbers WHERE n <= 4000;
    INSERT INTO cache_experiment_results (
        experiment_id, arm, server, reads, hits, loads, errors, load_ms, load_ms_squared, age_ms, age_ms_squared, updated_at
    )
    SELECT 'e' || n, 'a', 'v' || n, 1, 1, 1, 0, 1.0, 1.0, 1.0, 1.0, n FROM numbers WHERE n <= 4000;
    ANALYZE;
";

async fn no_plan_on_sqlite_scans_a_table(server: Server) {
    let mut connection = sqlite(&server).await;
    sqlx::raw_sql(FILL_SQLITE).execute(&mut connection).await.unwrap();
    let mut scans = Vec::new();
    for statement in all() {
        for line in plan(&mut connection, statement).await {
            // A scan of an index from end to end is no better.
            if line.starts_with("SCAN")
                && TABLES.iter().any(|table| line.split(' ').any(|word| word == *table))
            {
                scans.push(format!("{}: {line}", statement.name));
            }
        }
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

async fn plan(connection: &mut sqlx::SqliteConnection, statement: &Statement) -> Vec<String> {
    let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite));
    let mut query = sqlx::query(text);
    for kind in statement.parameters {
        query = match kind {
            Type::Integer | Type::Bool | Type::Time => query.bind(1_100_i64),
            Type::Text | Type::Uuid => query.bind("u17"),
            Type::Bytes => query.bind(b"d17".to_vec()),
        };
    }
    let rows = query.fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}
