//! The embedded default: one `SQLite` file.
//!
//! - **WAL**, so that readers don't wait for the writer, nor the writer for them.
//! - **One writing connection.** Writers would queue at the file's lock anyway, by sleeping; here they queue fairly and awake.
//!   Other processes (the command line beside the server) are waited for by the busy timeout.
//! - **`synchronous = FULL`.** In WAL mode `NORMAL` keeps the file whole through a power cut but may lose the last commits, and with
//!   them that a session was ended or a password changed. `FULL` costs a flush for each commit and loses nothing.

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use portico_domain::{models::Timestamp, ports::Unavailable};
use sqlx::{
    ConnectOptions, Connection, Row as _, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};

use crate::{
    driver::{Call, Driver, DriverError, Effect, Reserved, Row, SERVICE, Statement, Type, Value},
    faults::{InvalidUrl, describe},
    migrations::{Migrated, MigrationError, apply_missing},
};

/// How long a writer waits for another process' write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection.
const ACQUIRE_WAIT: Duration = Duration::from_secs(5);
/// How long an unused reading connection, with its thread and page cache, is kept.
const IDLE_TIME: Duration = Duration::from_secs(60);

const MIGRATION_BEGIN: &str = "
    CREATE TABLE IF NOT EXISTS portico_migrations (
        version INTEGER PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at_micros INTEGER NOT NULL
    ) STRICT;
";

/// Opens the database file, making it readable by its owner alone if it is missing.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// When the file can't be made.
pub fn open(path: impl AsRef<Path>) -> Result<Arc<SqliteDriver>, Unavailable> {
    make_private(path.as_ref()).map_err(|error| {
        Unavailable::new(SERVICE, format!("{} can't be made: {}", path.as_ref().display(), error.kind()))
    })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let readers = std::thread::available_parallelism()
        .map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(2).clamp(2, 8));
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_WAIT)
            // A file's connection doesn't go stale.
            .test_before_acquire(false)
            .max_lifetime(None)
    };
    Ok(Arc::new(SqliteDriver {
        writer: pool(1).idle_timeout(None).connect_lazy_with(options.clone()),
        readers: pool(readers).idle_timeout(IDLE_TIME).connect_lazy_with(options.pragma("query_only", "ON")),
    }))
}

/// Opens the file that a `sqlite:` URL names.
///
/// # Errors
/// [`Unavailable`] when the URL names no file (one in memory is none), or the file can't be made.
pub fn open_url(url: &str) -> Result<Arc<SqliteDriver>, Unavailable> {
    let refused = || Unavailable::new(SERVICE, InvalidUrl);
    // Each connection would have a memory of its own.
    if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
        return Err(refused());
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|_| refused())?;
    open(options.get_filename())
}

#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // The files of the write-ahead log take their mode from this one.
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().append(true).create(true).open(path).map(drop)
}

/// Runs statements on one file; its clones share the connections.
#[derive(Clone)]
pub struct SqliteDriver {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteDriver {
    /// Closes every connection once its statement has ended, folding the write-ahead log into the file; later calls are refused.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Brings the schema up to date. Safe to repeat, and to run from several processes at once. `now` is what is recorded.
    ///
    /// # Errors
    /// [`MigrationError`]; the database is then as it was.
    pub async fn migrate(&self, now: Timestamp) -> Result<Migrated, MigrationError> {
        let told = |error: sqlx::Error| Unavailable::new(SERVICE, describe("migrating", &error));
        let mut connection = self.acquire(Effect::Write).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(told)?;
        let migrated = apply_missing!(transaction, MIGRATION_BEGIN, sqlite, now);
        transaction.commit().await.map_err(told)?;
        Ok(migrated)
    }

    async fn acquire(&self, effect: Effect) -> Result<PoolConnection<Sqlite>, Unavailable> {
        let pool = match effect {
            Effect::Read => &self.readers,
            Effect::Write => &self.writer,
        };
        pool.acquire().await.map_err(|error| Unavailable::new(SERVICE, describe("opening", &error)))
    }
}

#[async_trait]
impl Driver for SqliteDriver {
    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        let mut connection = self.acquire(call.statement.effect).await?;
        fetch(&mut connection, &call).await.map_err(|error| fault(call.statement, &error))
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        let ends = |error: &sqlx::Error| Unavailable::new(SERVICE, describe("a transaction", error));
        let mut connection = self.acquire(Effect::Write).await?;
        // Immediate: a transaction that began by reading could not wait for another process' write, only fail.
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| ends(&error))?;
        let mut results = Vec::with_capacity(calls.len());
        for call in &calls {
            // Dropping the transaction on an error rolls it back.
            results.push(fetch(&mut transaction, call).await.map_err(|error| fault(call.statement, &error))?);
        }
        transaction.commit().await.map_err(|error| ends(&error))?;
        Ok(results)
    }

    async fn reserve(&self, _: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable> {
        Ok(Box::new(ReservedReader(self.acquire(Effect::Read).await?)))
    }
}

struct ReservedReader(PoolConnection<Sqlite>);

#[async_trait]
impl Reserved for ReservedReader {
    async fn run(mut self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError> {
        fetch(&mut self.0, &call).await.map_err(|error| fault(call.statement, &error))
    }
}

async fn fetch(connection: &mut SqliteConnection, call: &Call) -> Result<Vec<Row>, sqlx::Error> {
    let mut query = sqlx::query(call.statement.sqlite);
    for value in &call.parameters {
        query = bind(query, value);
    }
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| read(row, call.statement)).collect()
}

type SqliteQuery = Query<'static, Sqlite, SqliteArguments>;

fn bind(query: SqliteQuery, value: &Value) -> SqliteQuery {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Bool(value) => query.bind(*value),
        Value::Integer(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
        Value::Uuid(value) => query.bind(value.hyphenated().to_string()),
        Value::Time(value) => query.bind(value.micros()),
    }
}

fn read(row: &SqliteRow, statement: &Statement) -> Result<Row, sqlx::Error> {
    let value = |(index, kind): (usize, &Type)| {
        Ok(match kind {
            Type::Bool => row.try_get::<Option<bool>, _>(index)?.into(),
            Type::Integer => row.try_get::<Option<i64>, _>(index)?.into(),
            Type::Text => row.try_get::<Option<String>, _>(index)?.into(),
            Type::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.into(),
            Type::Uuid => {
                let text = row.try_get::<Option<String>, _>(index)?;
                let id = text.map(|text| uuid::Uuid::try_parse(&text)).transpose();
                id.map_err(|error| sqlx::Error::Decode(Box::new(error)))?.into()
            }
            Type::Time => row.try_get::<Option<i64>, _>(index)?.map(Timestamp::from_micros).into(),
        })
    };
    statement.columns.iter().enumerate().map(value).collect::<Result<_, _>>().map(Row::new)
}

fn fault(statement: &Statement, error: &sqlx::Error) -> DriverError {
    if let sqlx::Error::Database(told) = error
        && told.is_unique_violation()
    {
        return DriverError::UniqueViolation { constraint: constraint(told.message()) };
    }
    Unavailable::new(SERVICE, describe(statement.name, error)).into()
}

/// Names the constraint as Postgres would, from a message such as `UNIQUE constraint failed: users.email`.
fn constraint(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or_default();
    let mut name = String::new();
    for column in columns.split(", ") {
        let (table, column) = column.split_once('.').unwrap_or(("", column));
        if name.is_empty() {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name.push_str("_key");
    name
}

#[cfg(test)]
mod tests {
    use super::{constraint, open_url};

    #[test]
    fn a_url_must_name_a_file() {
        for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:x?mode=memory", "postgres://h/d"] {
            assert!(open_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn constraints_are_named_as_postgres_names_them() {
        assert_eq!(constraint("UNIQUE constraint failed: users.email"), "users_email_key");
        assert_eq!(
            constraint("UNIQUE constraint failed: identities.provider, identities.subject"),
            "identities_provider_subject_key"
        );
    }
}
