//! How statements are planned on filled databases: with an index, without a sort that one could give, joined by one.

use std::path::Path;

use portico_sql::{
    driver::{Effect, Statement, Type},
    profile::{
        PostgresProfiler, ProfileOptions, Profiled, SqliteProfiler, Thresholds, Trouble,
        samples::{self, Entry, Given},
    },
};
use sqlx::Connection as _;

use super::client;
use crate::world::{Server, now};

/// Some statements may have what is forbidden, and why.
const ALLOWED: &[(&str, &str, &str)] = &[];

/// Tighter than an operator's: what is read from end to end, sorted or asked for again and again is told from some dozens of rows on.
fn options() -> ProfileOptions {
    let thresholds =
        Thresholds { min_rows: 100.0, sorted_rows: 100.0, loops: 200.0, ..Thresholds::default() };
    ProfileOptions { thresholds, ..ProfileOptions::default() }
}

const fn bad(name: &'static str, parameters: &'static [Type], text: &'static str) -> Statement {
    Statement { name, effect: Effect::Read, parameters, columns: &[Type::Uuid], postgres: text, sqlite: text }
}

/// What the registry may never have, so that it is known to be found.
static BAD: [(Statement, &[Given], Trouble); 3] = [
    (
        bad("scans", &[Type::Integer], "SELECT id FROM books WHERE price_cents = $1"),
        &[Given::Of("books", "price_cents")],
        Trouble::SequentialScan,
    ),
    (
        bad("sorts", &[Type::Text], "SELECT id FROM books WHERE author = $1 ORDER BY title, id LIMIT 20"),
        &[Given::Of("books", "author")],
        Trouble::SortAnIndexCouldGive,
    ),
    (
        bad(
            "skips",
            &[Type::Uuid],
            "SELECT id FROM orders WHERE CAST(user_id AS text) = CAST($1 AS text) ORDER BY id",
        ),
        &[Given::Of("orders", "user_id")],
        Trouble::SequentialScan,
    ),
];

fn must_be_found(profiled: &[Profiled], trouble: Trouble) {
    for one in profiled {
        assert!(one.findings.iter().any(|finding| finding.trouble == trouble), "{one:?}");
    }
}

/// Gathers what no statement may have, and statements that could not be run: an entry's values are to be such that it can.
fn faults(profiled: &[Profiled], faults: &mut Vec<String>) {
    for one in profiled {
        let name = format!("{} ({})", one.statement, one.planned.as_str());
        if let Some(note) = &one.note {
            faults.push(format!("{name}: {note}"));
        }
        for finding in one.findings.iter().filter(|finding| finding.trouble.is_forbidden()) {
            let allowed = ALLOWED.iter().any(|(statement, trouble, _)| {
                *statement == one.statement && *trouble == finding.trouble.as_str()
            });
            if !allowed {
                faults.push(format!("{name}: {finding}; {}; plan: {}", finding.remedy, one.shape));
            }
        }
    }
}

pub(super) async fn no_plan_on_postgres_scans_sorts_or_loops(server: Server) {
    let database = server.database().await;
    let filling = client(&database).await;
    // One by one: a transaction can't be vacuumed in.
    let (fill, vacuum) = include_str!("fill.postgres.sql").rsplit_once("VACUUM").unwrap();
    filling.batch_execute(fill).await.unwrap();
    filling.batch_execute(&format!("VACUUM{vacuum}")).await.unwrap();
    let mut profiler = PostgresProfiler::connect(&database.url, options()).await.unwrap();
    let mut found = Vec::new();
    for (statement, entry) in samples::statements() {
        faults(&profiler.profile(statement, entry, now()).await.unwrap(), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
    for (statement, given, trouble) in &BAD {
        let entry = Entry { statement: statement.name, given, otherwise: None, reads_all: None };
        must_be_found(&profiler.profile(statement, &entry, now()).await.unwrap(), *trouble);
    }
    profiler.close().await;
}

async fn filled_sqlite(path: &Path) {
    let driver = portico_sql::sqlite::open(path).unwrap();
    driver.migrate(now()).await.unwrap();
    driver.close().await;
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::raw_sql(include_str!("fill.sqlite.sql")).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub(super) async fn no_plan_on_sqlite_scans_sorts_or_builds_an_index(server: Server) {
    let path = server.empty_file();
    filled_sqlite(&path).await;
    let mut profiler = SqliteProfiler::open(&path, options()).await.unwrap();
    let mut found = Vec::new();
    for (statement, entry) in samples::statements() {
        faults(&profiler.profile(statement, entry, now()).await.unwrap(), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
    for (statement, given, trouble) in &BAD {
        let entry = Entry { statement: statement.name, given, otherwise: None, reads_all: None };
        must_be_found(&profiler.profile(statement, &entry, now()).await.unwrap(), *trouble);
    }
    profiler.close().await;
}

/// What is profiled is run: whatever it wrote is gone.
pub(super) async fn profiling_changes_nothing(server: Server) {
    let path = server.empty_file();
    filled_sqlite(&path).await;
    let before = sums(&path).await;
    let mut profiler = SqliteProfiler::open(&path, options()).await.unwrap();
    for (statement, entry) in samples::statements() {
        profiler.profile(statement, entry, now()).await.unwrap();
    }
    profiler.close().await;
    assert_eq!(sums(&path).await, before);

    let database = server.database().await;
    let asking = client(&database).await;
    asking
        .batch_execute("INSERT INTO organizations (id, created_at) VALUES (gen_random_uuid(), now())")
        .await
        .unwrap();
    let state = async || {
        let mut told = Vec::new();
        let tables = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname";
        for row in asking.query(tables, &[]).await.unwrap() {
            let table: String = row.get(0);
            let sum = format!(
                "SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {table} AS t"
            );
            let sum: String = asking.query_one(&sum, &[]).await.unwrap().get(0);
            told.push((table, sum));
        }
        told
    };
    let before = state().await;
    let mut profiler = PostgresProfiler::connect(&database.url, options()).await.unwrap();
    for (statement, entry) in samples::statements() {
        profiler.profile(statement, entry, now()).await.unwrap();
    }
    profiler.close().await;
    assert!(before.len() > 10);
    assert_eq!(state().await, before);
}

async fn sums(path: &Path) -> Vec<(String, i64, i64)> {
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let mut told = Vec::new();
    for table in tables {
        let columns = format!(
            "SELECT group_concat('coalesce(length(\"' || name || '\"), 0)', ' + ') FROM pragma_table_info('{table}')"
        );
        let columns: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
        let sum = format!("SELECT count(*), coalesce(sum({columns}), 0) FROM \"{table}\"");
        let (rows, sum): (i64, i64) =
            sqlx::query_as(sqlx::AssertSqlSafe(sum)).fetch_one(&mut connection).await.unwrap();
        told.push((table, rows, sum));
    }
    connection.close().await.unwrap();
    told
}
