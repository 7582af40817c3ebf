use futures_util::future::join_all;
use portico_sql::migrations::{MIGRATIONS, MigrationError};
use sqlx::Connection as _;

use crate::{
    Case, cases,
    world::{Server, now},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    postgres_is_migrated_once_however_many_try,
    sqlite_is_migrated_once_however_many_try,
    a_changed_past_is_refused,
    a_newer_database_is_refused,
];

/// What every migration that there is looks like when it is applied at once.
fn all() -> Vec<&'static str> {
    MIGRATIONS.iter().map(|migration| migration.name).collect()
}

async fn postgres_is_migrated_once_however_many_try(server: Server) {
    let database = server.empty_database().await;
    let drivers: Vec<_> = (0..6).map(|_| database.pooled()).collect();
    let outcomes = join_all(drivers.iter().map(|driver| driver.migrate(now()))).await;
    let applied: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().applied).collect();
    assert_eq!(applied.concat(), all());
    let again = drivers[0].migrate(now()).await.unwrap();
    assert_eq!((again.applied.len(), again.present), (0, MIGRATIONS.len()));
}

async fn sqlite_is_migrated_once_however_many_try(server: Server) {
    let path = server.empty_file();
    let drivers: Vec<_> = (0..6).map(|_| portico_sql::sqlite::open(&path).unwrap()).collect();
    let outcomes = join_all(drivers.iter().map(|driver| driver.migrate(now()))).await;
    let applied: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().applied).collect();
    assert_eq!(applied.concat(), all());
    let again = drivers[0].migrate(now()).await.unwrap();
    assert_eq!((again.applied.len(), again.present), (0, MIGRATIONS.len()));
}

const EDIT: &str = "UPDATE portico_migrations SET checksum = 'of another text' WHERE version = 1";
const NEWER: &str = "INSERT INTO portico_migrations (version, name, checksum, applied_at_micros) VALUES (9999, '9999_later', '', 0)";

async fn tampered(server: &Server, statement: &'static str) -> [MigrationError; 2] {
    let database = server.database().await;
    let mut postgres = sqlx::PgConnection::connect(&database.url).await.unwrap();
    sqlx::query(statement).execute(&mut postgres).await.unwrap();

    let path = server.empty_file();
    let file = portico_sql::sqlite::open(&path).unwrap();
    file.migrate(now()).await.unwrap();
    let mut sqlite = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query(statement).execute(&mut sqlite).await.unwrap();

    [database.pooled().migrate(now()).await.unwrap_err(), file.migrate(now()).await.unwrap_err()]
}

async fn a_changed_past_is_refused(server: Server) {
    for error in tampered(&server, EDIT).await {
        assert_eq!(error, MigrationError::Changed { name: MIGRATIONS[0].name });
    }
}

async fn a_newer_database_is_refused(server: Server) {
    for error in tampered(&server, NEWER).await {
        assert_eq!(error, MigrationError::Newer { version: 9999 });
    }
}
