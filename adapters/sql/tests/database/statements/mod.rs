//! Every statement: registered, prepared as declared, and planned as it must be.

mod plans;

use std::{collections::BTreeSet, fs, path::Path};

use portico_sql::{
    driver::{Effect, Type},
    statements::all,
};
use sqlx::{Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _};

use self::plans::{
    no_plan_on_postgres_scans_sorts_or_loops, no_plan_on_sqlite_scans_sorts_or_builds_an_index,
    profiling_changes_nothing,
};

use crate::{
    Case, cases,
    world::{PostgresDatabase, Server},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    every_query_file_is_registered_and_says_what_for,
    no_statement_counts_skips_or_takes_all_columns,
    every_statement_prepares_on_postgres_as_declared,
    every_statement_prepares_on_sqlite_as_declared,
    no_plan_on_postgres_scans_sorts_or_loops,
    no_plan_on_sqlite_scans_sorts_or_builds_an_index,
    profiling_changes_nothing,
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
            let stars: Vec<&str> = text.match_indices('*').map(|(at, _)| text[..at].trim_end()).collect();
            assert!(stars.into_iter().all(is_factor), "{}", statement.name);
            // Functions such as `pragma_page_count()` count nothing.
            let counts = text.match_indices("COUNT(").any(|(at, _)| !text[..at].ends_with('_'));
            assert!(!counts, "{}", statement.name);
            let writes = ["INSERT ", "UPDATE ", "DELETE "].iter().any(|word| text.contains(word));
            assert_eq!(statement.effect == Effect::Write, writes, "{}", statement.name);
        }
    }
}

/// Whether a star after this text multiplies, and doesn't stand for columns.
fn is_factor(before: &str) -> bool {
    let is_value = before.ends_with(|last: char| last.is_ascii_alphanumeric() || "_)".contains(last));
    is_value && !["SELECT", "RETURNING", "DISTINCT", "ALL"].iter().any(|word| before.ends_with(word))
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
