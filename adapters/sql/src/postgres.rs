//! Postgres for servers: sqlx over a pool.

mod lent;
mod refusals;

use std::{pin::pin, str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use portico_domain::{
    models::{PoolState, Pools, Timestamp},
    ports::Unavailable,
};
use sqlx::{
    ConnectOptions, Connection, Executor as _, PgConnection, PgPool, Postgres, Row as _, SqlSafeStr as _,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::Query,
};
use time::OffsetDateTime;

use self::{lent::Lent, refusals::Refusals};
use crate::{
    driver::{
        Call, Calls, Driver, DriverError, Effect, Reserved, Row, SERVICE, Statement, Type, Value,
        postgres_error,
    },
    faults::{InvalidUrl, describe},
    migrations::{Applied, MIGRATIONS, Migrated, MigrationError, apply_missing, missing},
    waiting::Waiting,
};

/// How long a connection may lie idle and still be trusted without a ping.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How often the server looks, while it runs a statement, whether its client is still there ([`lent`]). Servers on systems that can't look refuse it.
const CLIENT_CHECK: (&str, &str) = ("client_connection_check_interval", "1s");

/// Opens a migration: waits for its turn, which the transaction's end gives on, and makes sure of the record. A long migration may take
/// its time.
const MIGRATION_BEGIN: &str = "
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = '60s';
    SET LOCAL client_min_messages = warning;
    SELECT pg_advisory_xact_lock(7310574112);
    CREATE TABLE IF NOT EXISTS portico_migrations (
        version bigint PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at_micros bigint NOT NULL
    );
";

/// How to reach a Postgres, and how many connections to keep.
#[derive(Clone)]
pub struct PostgresConfig {
    /// `postgres://user:password@host/database`; holds a password.
    pub url: String,
    /// The most connections at a time. More than the database has cores for brings nothing.
    pub max_connections: u32,
    /// How long a caller waits for a connection.
    pub acquire_wait: Duration,
    /// How long an unused connection is kept.
    pub idle_time: Duration,
    /// How long a connection is used at all, so that load spreads again after a failover.
    pub life_time: Duration,
    /// What the server ends a statement after. Not set through a pooler of Neon, which refuses it.
    pub statement_timeout: Duration,
    /// What the server's activity view calls us.
    pub application_name: String,
}

impl PostgresConfig {
    /// The defaults for a URL: two connections a core and one, 5 s to wait for one, 5 min idle, 30 min of life, 30 s a statement.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let cores =
            std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        Self {
            url: url.into(),
            max_connections: cores.saturating_mul(2).saturating_add(1),
            acquire_wait: Duration::from_secs(5),
            idle_time: Duration::from_secs(5 * 60),
            life_time: Duration::from_secs(30 * 60),
            statement_timeout: Duration::from_secs(30),
            application_name: "portico".to_owned(),
        }
    }
}

/// Makes the driver. Nothing is connected yet: a database that is away when the server starts is one that isn't ready.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// [`InvalidUrl`] when the URL can't be read.
pub fn connect(config: &PostgresConfig) -> Result<Arc<PostgresDriver>, InvalidUrl> {
    let mut options = PgConnectOptions::from_str(&config.url)
        .map_err(|_| InvalidUrl)?
        .application_name(&config.application_name)
        .disable_statement_logging();
    let mut without_check = None;
    if !options.get_host().split('.').next().is_some_and(|label| label.ends_with("-pooler")) {
        options = options.options([("statement_timeout", config.statement_timeout.as_millis().to_string())]);
        without_check = Some(options.clone());
        options = options.options([CLIENT_CHECK]);
    }
    let refusals = Refusals::new(&options);
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(config.acquire_wait)
        .idle_timeout(config.idle_time)
        .max_lifetime(config.life_time)
        // A ping before each use would double the round trips of every statement.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options);
    Ok(Arc::new(PostgresDriver {
        pool,
        waiting: Waiting::default(),
        refusals: Arc::new(refusals),
        without_check: Arc::new(without_check),
    }))
}

/// Runs statements on a pool of connections, which its clones share.
#[derive(Clone)]
pub struct PostgresDriver {
    pool: PgPool,
    waiting: Waiting,
    refusals: Arc<Refusals>,
    /// What to connect with where the server can't look after its clients; none where it isn't asked to.
    without_check: Arc<Option<PgConnectOptions>>,
}

impl PostgresDriver {
    /// Closes every connection once its statement has ended; later calls are refused.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Brings the schema up to date. Safe to repeat, and to run from several processes at once. `now` is what is recorded.
    ///
    /// # Errors
    /// [`MigrationError`]; the database is then as it was.
    pub async fn migrate(&self, now: Timestamp) -> Result<Migrated, MigrationError> {
        let told = |error: sqlx::Error| Unavailable::new(SERVICE, describe("migrating", &error));
        let mut connection = self.acquire().await?;
        let mut transaction = connection.transaction().await.map_err(told)?;
        let migrated = apply_missing!(transaction, MIGRATION_BEGIN, postgres, now);
        transaction.commit().await.map_err(told)?;
        connection.end();
        Ok(migrated)
    }

    /// The names of the migrations that the database still lacks, oldest first; `portico serve` asks before it serves. Changes nothing.
    ///
    /// # Errors
    /// [`MigrationError`], as [`PostgresDriver::migrate`].
    pub async fn missing_migrations(&self) -> Result<Vec<&'static str>, MigrationError> {
        let told = |error: sqlx::Error| Unavailable::new(SERVICE, describe("looking at the schema", &error));
        let mut connection = self.acquire().await?;
        let record = "SELECT version, checksum FROM portico_migrations ORDER BY version";
        let rows = match sqlx::query(record).fetch_all(&mut *connection).await {
            // undefined_table: nothing was ever applied.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Vec::new(),
            rows => rows.map_err(told)?,
        };
        let mut applied = Vec::with_capacity(rows.len());
        for row in rows {
            let version = row.try_get(0).map_err(told)?;
            applied.push(Applied { version, checksum: row.try_get(1).map_err(told)? });
        }
        let missing = missing(MIGRATIONS, &applied, |migration| migration.postgres)?;
        Ok(missing.into_iter().map(|migration| migration.name).collect())
    }

    async fn acquire(&self) -> Result<Lent, Unavailable> {
        let _waiting = self.waiting.enter();
        match self.connected().await? {
            Err(error) if is_of_check(&error) => {
                if let Some(options) = &*self.without_check {
                    self.pool.set_connect_options(options.clone());
                }
                self.connected().await?
            }
            connected => connected,
        }
        .map_err(|error| Unavailable::new(SERVICE, describe("connecting", &error)))
    }

    /// A connection of the pool, or why it couldn't be made; unavailable where connections are refused.
    async fn connected(&self) -> Result<Result<Lent, sqlx::Error>, Unavailable> {
        let (acquiring, refused) = (pin!(self.pool.acquire()), pin!(self.refusals.last()));
        match select(acquiring, refused).await {
            Either::Left((acquired, _)) => Ok(acquired.map(Lent::new)),
            Either::Right(_) => Err(Unavailable::new(SERVICE, "connecting: the connection was refused")),
        }
    }

    /// Runs a read again, on a connection that is known to answer: after a restart of the server, the pool may hold several
    /// that don't.
    async fn retry(&self, call: &Call) -> Result<Vec<Row>, DriverError> {
        for _ in 0..self.pool.options().get_max_connections() {
            let mut connection = self.acquire().await?;
            if connection.begin().ping().await.is_ok() {
                return fetch_on(&mut connection, call).await.map_err(|error| fault(call.statement, &error));
            }
            // Broken: it must not go back.
            connection.discard();
        }
        Err(Unavailable::new(SERVICE, "no connection to the database holds").into())
    }

    async fn run_on(&self, mut connection: Lent, call: Call) -> Result<Vec<Row>, DriverError> {
        match fetch_on(&mut connection, &call).await {
            Ok(rows) => Ok(rows),
            Err(error) if is_lost(&error) => {
                connection.discard();
                if call.statement.effect == Effect::Read {
                    self.retry(&call).await
                } else {
                    Err(fault(call.statement, &error))
                }
            }
            Err(error) => Err(fault(call.statement, &error)),
        }
    }
}

#[async_trait]
impl Driver for PostgresDriver {
    fn pools(&self) -> Pools {
        let pool = PoolState {
            max: self.pool.options().get_max_connections(),
            size: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
            waiting: self.waiting.count(),
        };
        Pools { pool: Some(pool), ..Pools::default() }
    }

    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        let connection = self.acquire().await?;
        self.run_on(connection, call).await
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        let ends = |error: &sqlx::Error| Unavailable::new(SERVICE, describe("a transaction", error));
        let mut connection = self.acquire().await?;
        let mut transaction = connection.transaction().await.map_err(|error| ends(&error))?;
        let mut results = Vec::with_capacity(calls.len());
        for call in &calls {
            // Dropping the transaction on an error rolls it back.
            results.push(fetch(&mut transaction, call).await.map_err(|error| fault(call.statement, &error))?);
        }
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
        let mut connection = self.acquire().await?;
        let mut transaction = connection.transaction().await.map_err(|error| ends(&error))?;
        for (sent, call) in (1..).zip(calls) {
            fetch(&mut transaction, &call).await.map_err(|error| fault(call.statement, &error))?;
            told(sent);
        }
        transaction.commit().await.map_err(|error| ends(&error))?;
        connection.end();
        Ok(())
    }

    async fn reserve(&self, statement: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable> {
        let mut connection = self.acquire().await?;
        // Costs a round trip on a new connection and none on one that knows the statement. A failure shows when it is run.
        let _ = connection.begin().prepare(statement.postgres.into_sql_str()).await;
        connection.end();
        Ok(Box::new(ReservedConnection { connection, driver: self.clone() }))
    }
}

struct ReservedConnection {
    connection: Lent,
    driver: PostgresDriver,
}

#[async_trait]
impl Reserved for ReservedConnection {
    async fn run(self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError> {
        self.driver.run_on(self.connection, call).await
    }
}

/// Runs one statement that is a transaction of its own.
async fn fetch_on(connection: &mut Lent, call: &Call) -> Result<Vec<Row>, sqlx::Error> {
    let fetched = fetch(connection.begin(), call).await;
    connection.end();
    fetched
}

async fn fetch(connection: &mut PgConnection, call: &Call) -> Result<Vec<Row>, sqlx::Error> {
    let mut query = sqlx::query(call.statement.postgres);
    for (value, kind) in call.parameters.iter().zip(call.statement.parameters) {
        query = bind(query, value, *kind)?;
    }
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| read(row, call.statement)).collect()
}

type PostgresQuery = Query<'static, Postgres, PgArguments>;

fn bind(query: PostgresQuery, value: &Value, kind: Type) -> Result<PostgresQuery, sqlx::Error> {
    Ok(match (value, kind) {
        (Value::Null, Type::Bool) => query.bind(None::<bool>),
        (Value::Null, Type::Integer) => query.bind(None::<i64>),
        (Value::Null, Type::Text) => query.bind(None::<String>),
        (Value::Null, Type::Bytes) => query.bind(None::<Vec<u8>>),
        (Value::Null, Type::Uuid) => query.bind(None::<uuid::Uuid>),
        (Value::Null, Type::Time) => query.bind(None::<OffsetDateTime>),
        (Value::Bool(value), _) => query.bind(*value),
        (Value::Integer(value), _) => query.bind(*value),
        (Value::Text(value), _) => query.bind(value.clone()),
        (Value::Bytes(value), _) => query.bind(value.clone()),
        (Value::Uuid(value), _) => query.bind(*value),
        (Value::Time(value), _) => query.bind(
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(value.micros()) * 1_000)
                .map_err(|error| sqlx::Error::Encode(Box::new(error)))?,
        ),
    })
}

fn read(row: &PgRow, statement: &Statement) -> Result<Row, sqlx::Error> {
    let value = |(index, kind): (usize, &Type)| {
        Ok(match kind {
            Type::Bool => row.try_get::<Option<bool>, _>(index)?.into(),
            Type::Integer => row.try_get::<Option<i64>, _>(index)?.into(),
            Type::Text => row.try_get::<Option<String>, _>(index)?.into(),
            Type::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.into(),
            Type::Uuid => row.try_get::<Option<uuid::Uuid>, _>(index)?.into(),
            Type::Time => {
                let moment = row.try_get::<Option<OffsetDateTime>, _>(index)?;
                moment.map(|moment| micros(moment).map(Timestamp::from_micros)).transpose()?.into()
            }
        })
    };
    statement.columns.iter().enumerate().map(value).collect::<Result<_, _>>().map(Row::new)
}

fn micros(moment: OffsetDateTime) -> Result<i64, sqlx::Error> {
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Whether a server refused a connection because it can't look after its clients: an older one, or one on a system that doesn't tell it.
fn is_of_check(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.message().contains(CLIENT_CHECK.0))
}

/// Whether the connection is gone, by its own account or by the server's.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57P0") || code.starts_with("08"))
        }
        _ => false,
    }
}

fn fault(statement: &Statement, error: &sqlx::Error) -> DriverError {
    match error {
        sqlx::Error::Database(told) => postgres_error(
            statement.name,
            told.code().as_deref().unwrap_or_default(),
            told.constraint(),
            told.message(),
        ),
        _ => Unavailable::new(SERVICE, describe(statement.name, error)).into(),
    }
}
