//! The embedded default: one `SQLite` file.
//!
//! - **WAL**, so that readers don't wait for the writer, nor the writer for them.
//! - **One writing connection.** Writers would queue at the file's lock anyway, by sleeping; here they queue fairly and awake.
//!   Other processes (the command line beside the server) are waited for by the busy timeout.
//! - **`synchronous = FULL`.** In WAL mode `NORMAL` keeps the file whole through a power cut but may lose the last commits, and with
//!   them that a session was ended or a password changed. `FULL` costs a flush for each commit and loses nothing.

mod deadline;
mod slots;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    models::{Pools, Timestamp},
    ports::Unavailable,
};
use sqlx::{
    ConnectOptions, Connection, Row as _, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use self::slots::{Held, Slots};
use crate::{
    driver::{Call, Calls, Driver, DriverError, Effect, Reserved, Row, SERVICE, Statement, Type, Value},
    faults::{InvalidUrl, describe},
    migrations::{Migrated, MigrationError, apply_missing},
};

/// How long a writer waits for another process' write.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const MIGRATION_BEGIN: &str = "
    CREATE TABLE IF NOT EXISTS portico_migrations (
        version INTEGER PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at_micros INTEGER NOT NULL
    ) STRICT;
";

/// Which file, and how many connections to keep to it.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// The file.
    pub path: PathBuf,
    /// The most connections that read; one more writes.
    pub readers: u32,
    /// How long a caller waits for a connection.
    pub acquire_wait: Duration,
    /// How long an unused reading connection, with its thread and page cache, is kept.
    pub idle_time: Duration,
    /// What a statement is ended after.
    pub statement_time_limit: Duration,
}

impl SqliteConfig {
    /// The defaults for a file: as many readers as cores, but two at least and eight at most; 5 s to wait for a connection, 5 min idle, 30 s a statement.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let readers = std::thread::available_parallelism()
            .map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(2).clamp(2, 8));
        Self {
            path: path.into(),
            readers,
            acquire_wait: Duration::from_secs(5),
            idle_time: Duration::from_secs(5 * 60),
            statement_time_limit: Duration::from_secs(30),
        }
    }
}

/// Opens the database file with the defaults; as [`open_with`].
///
/// # Errors
/// As [`open_with`].
pub fn open(path: impl AsRef<Path>) -> Result<Arc<SqliteDriver>, Unavailable> {
    open_with(&SqliteConfig::new(path.as_ref()))
}

/// Opens the database file, making it readable by its owner alone if it is missing.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// When the file can't be made.
pub fn open_with(config: &SqliteConfig) -> Result<Arc<SqliteDriver>, Unavailable> {
    make_private(&config.path).map_err(|error| {
        Unavailable::new(SERVICE, format!("{} can't be made: {}", config.path.display(), error.kind()))
    })?;
    let options = SqliteConnectOptions::new()
        .filename(&config.path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let writer = Slots::open(config, 1, None, &options);
    let reading = options.pragma("query_only", "ON");
    let readers = Slots::open(config, config.readers.max(1), Some(config.idle_time), &reading);
    let mut wal = config.path.clone().into_os_string();
    wal.push("-wal");
    Ok(Arc::new(SqliteDriver { writer, readers, limit: config.statement_time_limit, wal: wal.into() }))
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
    writer: Slots,
    readers: Slots,
    limit: Duration,
    wal: PathBuf,
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
        let mut held = self.acquire(Effect::Write).await?;
        let mut transaction = held.connection.begin_with("BEGIN IMMEDIATE").await.map_err(told)?;
        let migrated = apply_missing!(transaction, MIGRATION_BEGIN, sqlite, now);
        transaction.commit().await.map_err(told)?;
        Ok(migrated)
    }

    async fn acquire(&self, effect: Effect) -> Result<Held, Unavailable> {
        match effect {
            Effect::Read => self.readers.acquire().await,
            Effect::Write => self.writer.acquire().await,
        }
    }
}

#[async_trait]
impl Driver for SqliteDriver {
    fn pools(&self) -> Pools {
        Pools {
            pool: Some(self.readers.state()),
            writer: Some(self.writer.state()),
            wal_bytes: std::fs::metadata(&self.wal).ok().map(|wal| wal.len()),
        }
    }

    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        let mut held = self.acquire(call.statement.effect).await?;
        held.deadline.set(self.limit);
        fetch_on(&mut held, &call).await.map_err(|error| fault(call.statement, &error))
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        let ends = |error: &sqlx::Error| Unavailable::new(SERVICE, describe("a transaction", error));
        let Held { mut connection, deadline } = self.acquire(Effect::Write).await?;
        // Immediate: a transaction that began by reading could not wait for another process' write, only fail.
        let mut transaction =
            connection.begin().begin_with("BEGIN IMMEDIATE").await.map_err(|error| ends(&error))?;
        let mut results = Vec::with_capacity(calls.len());
        for call in &calls {
            deadline.set(self.limit);
            // Dropping the transaction on an error rolls it back.
            results.push(fetch(&mut transaction, call).await.map_err(|error| fault(call.statement, &error))?);
        }
        deadline.clear();
        transaction.commit().await.map_err(|error| ends(&error))?;
        connection.end();
        Ok(results)
    }

    async fn transact_each(
        &self,
        calls: Calls<'_>,
        told: &(dyn Fn(usize) + Sync),
    ) -> Result<(), DriverError> {
        let ends = |error: &sqlx::Error| Unavailable::new(SERVICE, describe("a transaction", error));
        let Held { mut connection, deadline } = self.acquire(Effect::Write).await?;
        let mut transaction =
            connection.begin().begin_with("BEGIN IMMEDIATE").await.map_err(|error| ends(&error))?;
        for (sent, call) in (1..).zip(calls) {
            deadline.set(self.limit);
            fetch(&mut transaction, &call).await.map_err(|error| fault(call.statement, &error))?;
            told(sent);
        }
        deadline.clear();
        transaction.commit().await.map_err(|error| ends(&error))?;
        connection.end();
        Ok(())
    }

    async fn reserve(&self, _: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable> {
        Ok(Box::new(ReservedReader { held: self.acquire(Effect::Read).await?, limit: self.limit }))
    }
}

struct ReservedReader {
    held: Held,
    limit: Duration,
}

#[async_trait]
impl Reserved for ReservedReader {
    async fn run(mut self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError> {
        self.held.deadline.set(self.limit);
        fetch_on(&mut self.held, &call).await.map_err(|error| fault(call.statement, &error))
    }
}

/// Runs one statement that is a transaction of its own.
async fn fetch_on(held: &mut Held, call: &Call) -> Result<Vec<Row>, sqlx::Error> {
    let fetched = fetch(held.connection.begin(), call).await;
    held.connection.end();
    fetched
}

async fn fetch(connection: &mut SqliteConnection, call: &Call) -> Result<Vec<Row>, sqlx::Error> {
    let mut query = sqlx::query(call.statement.sqlite);
    for value in &call.parameters {
        query = bind(query, value);
    }
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| read(row, call.statement)).collect()
}

pub(crate) type SqliteQuery = Query<'static, Sqlite, SqliteArguments>;

pub(crate) fn bind(query: SqliteQuery, value: &Value) -> SqliteQuery {
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

/// What an interrupted statement ends with (`SQLITE_INTERRUPT`).
const INTERRUPTED: &str = "9";

fn fault(statement: &Statement, error: &sqlx::Error) -> DriverError {
    if let sqlx::Error::Database(told) = error
        && told.code().as_deref() == Some(INTERRUPTED)
    {
        return Unavailable::new(SERVICE, format!("{}: ended at its time limit", statement.name)).into();
    }
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
