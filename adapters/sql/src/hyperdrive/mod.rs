//! Postgres from a Worker through Hyperdrive: tokio-postgres over the runtime's socket.
//!
//! - **One connection a request**, opened by the first statement (or by the login, ahead of its look-up), driven by the request's own future
//!   and closed when it ends: see [`with_request_connection`]. A connection kept for a later request would fail there.
//! - **Unnamed typed statements only**, also for `BEGIN` and `COMMIT`: one round trip each, nothing left on a pooled server connection, and the
//!   simple protocol never mixed in.
//! - **A transaction is one round trip**: all of it is sent before the first answer is read. When a statement fails, the server refuses the
//!   rest, and the commit becomes a rollback.
//!
//! Hyperdrive's query cache must be off for this binding (`wrangler hyperdrive update --caching-disabled true`): sessions and credentials are
//! read right after they were written.
//!
//! The driver takes any byte stream, so that its tests run the same code against a Postgres over TCP.

#[cfg(target_arch = "wasm32")]
mod binding;
mod scope;
mod values;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::poll;
use portico_domain::ports::Unavailable;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{Client, Config, Error};

#[cfg(target_arch = "wasm32")]
pub use self::binding::HyperdriveBinding;
pub use self::scope::{Closing, with_request_connection, with_task_connection, within_connection};
use self::{
    scope::Scope,
    values::{Parameter, read, type_of},
};
use crate::driver::{Call, Driver, DriverError, Effect, Reserved, Row, SERVICE, Statement, postgres_error};

/// What a connection runs over.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

/// A stream to a Postgres, and how to sign in there.
pub struct Dialled {
    /// The open stream; whatever encryption it needs is its own matter.
    pub stream: Box<dyn ByteStream>,
    /// Account, password and database; hosts in it are not looked at.
    pub config: Config,
}

/// Opens streams to one Postgres.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Opens one.
    async fn dial(&self) -> Result<Dialled, Unavailable>;
}

/// Runs statements over the connection of the request that is being polled. Outside a request each call has a connection of its own.
#[derive(Clone)]
pub struct HyperdriveDriver {
    dial: Arc<dyn Dial>,
}

/// Makes the driver. Nothing is connected before the first statement.
#[must_use]
pub fn connect(dial: Arc<dyn Dial>) -> Arc<HyperdriveDriver> {
    Arc::new(HyperdriveDriver { dial })
}

impl HyperdriveDriver {
    async fn run_in(&self, scope: &Arc<Scope>, call: &Call) -> Result<Vec<Row>, DriverError> {
        let client = scope.client(&self.dial).await?;
        match fetch(&client, call).await {
            // A request that lives long, such as a scheduled one, may find that its connection was closed meanwhile.
            Err(Fault::Wire(error)) if is_lost(&error) && call.statement.effect == Effect::Read => {
                scope.forget(&client);
                let client = scope.client(&self.dial).await?;
                fetch(&client, call).await.map_err(|fault| fault.told(call.statement.name))
            }
            outcome => outcome.map_err(|fault| fault.told(call.statement.name)),
        }
    }
}

#[async_trait]
impl Driver for HyperdriveDriver {
    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        match Scope::current() {
            Some(scope) => self.run_in(&scope, &call).await,
            None => scope::alone(|scope| async move { self.run_in(&scope, &call).await }).await,
        }
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        let run = |scope: Arc<Scope>| async move {
            let client = scope.client(&self.dial).await?;
            transact(&client, &calls).await
        };
        match Scope::current() {
            Some(scope) => run(scope).await,
            None => scope::alone(run).await,
        }
    }

    async fn reserve(&self, _: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable> {
        if let Some(scope) = Scope::current() {
            scope.client(&self.dial).await?;
        }
        // The connection belongs to the request, which keeps it; the look-up finds it there.
        Ok(Box::new(OfRequest(self.clone())))
    }
}

struct OfRequest(HyperdriveDriver);

#[async_trait]
impl Reserved for OfRequest {
    async fn run(self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError> {
        self.0.run(call).await
    }
}

/// Why a statement gave no rows.
enum Fault {
    Wire(Error),
    Form(Unavailable),
}

impl Fault {
    fn told(self, statement: &str) -> DriverError {
        match self {
            Self::Form(error) => error.into(),
            Self::Wire(error) => wire_error(statement, &error),
        }
    }
}

/// Whether the connection is gone, by its own account or by the server's.
fn is_lost(error: &Error) -> bool {
    error.is_closed() || error.code().is_some_and(|code| code.code().starts_with("57P0"))
}

fn wire_error(statement: &str, error: &Error) -> DriverError {
    if let Some(told) = error.as_db_error() {
        return postgres_error(statement, told.code().code(), told.constraint(), told.message());
    }
    let told = if error.is_closed() { "the connection was closed" } else { "the connection failed" };
    Unavailable::new(SERVICE, format!("{statement}: {told}")).into()
}

async fn fetch(client: &Client, call: &Call) -> Result<Vec<Row>, Fault> {
    let parameters: Vec<Parameter<'_>> = call.parameters.iter().map(Parameter).collect();
    let typed: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), _)> = parameters
        .iter()
        .zip(call.statement.parameters)
        .map(|(parameter, kind)| (parameter as &(dyn tokio_postgres::types::ToSql + Sync), type_of(*kind)))
        .collect();
    let rows = client.query_typed(call.statement.postgres, &typed).await.map_err(Fault::Wire)?;
    rows.iter().map(|row| read(row, call.statement).map_err(Fault::Form)).collect()
}

async fn transact(client: &Client, calls: &[Call]) -> Result<Vec<Vec<Row>>, DriverError> {
    let ends = |error: &Error| wire_error("a transaction", error);
    // A statement is sent when its future is first polled. Polling each once, in order, sends them all before any answer is
    // awaited.
    let mut begin = Box::pin(client.execute_typed("BEGIN", &[]));
    let begun = poll!(&mut begin);
    let mut pending = Vec::with_capacity(calls.len());
    for call in calls {
        let mut sent = Box::pin(fetch(client, call));
        let early = poll!(&mut sent);
        pending.push((call, early, sent));
    }
    let mut commit = Box::pin(client.execute_typed("COMMIT", &[]));
    let committed = poll!(&mut commit);

    if let std::task::Poll::Ready(outcome) = begun { outcome } else { begin.await }
        .map_err(|error| ends(&error))?;
    let mut results = Vec::with_capacity(calls.len());
    let mut failed = None;
    for (call, early, sent) in pending {
        let outcome = if let std::task::Poll::Ready(outcome) = early { outcome } else { sent.await };
        match outcome {
            Ok(rows) => results.push(rows),
            // The first failure is the cause; the later ones say only that the transaction has failed.
            Err(fault) if failed.is_none() => failed = Some(fault.told(call.statement.name)),
            Err(_) => {}
        }
    }
    if let std::task::Poll::Ready(outcome) = committed { outcome } else { commit.await }
        .map_err(|error| ends(&error))?;
    failed.map_or(Ok(results), Err)
}
