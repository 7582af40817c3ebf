//! The database as operators see it.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use portico_domain::{
    flows::database::DatabaseReport,
    models::{ConnectionCounts, DatabaseActivity, FieldFault, LongRunning, PoolState, Pools},
};
use serde::Serialize;

use super::Shared;
use crate::{
    answers::{Keep, json},
    credentials::admin,
    fields::Query,
    problem::Problem,
};

/// From when on a statement is long-running, where nobody says: one takes milliseconds here.
const USUALLY_LONG: u64 = 5;
const A_DAY: u64 = 86_400;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/admin/db", get(show))
}

/// The same members everywhere; what a target has not is null.
#[derive(Serialize)]
struct DatabaseAnswer {
    kind: Option<String>,
    is_away: bool,
    pool: Option<PoolAnswer>,
    writer: Option<PoolAnswer>,
    connections: Option<ConnectionsAnswer>,
    long_running_from_seconds: u64,
    long_running: Option<Vec<LongRunningAnswer>>,
    file: Option<FileAnswer>,
}

#[derive(Serialize)]
struct PoolAnswer {
    max: u32,
    size: u32,
    idle: u32,
    active: u32,
    waiting: u32,
    ratio: f64,
    warning: bool,
}

#[derive(Serialize)]
struct ConnectionsAnswer {
    active: u32,
    waiting: u32,
    waiting_for_lock: u32,
    idle: u32,
    idle_in_transaction: u32,
    hidden: u32,
    max: u32,
}

#[derive(Serialize)]
struct LongRunningAnswer {
    pid: u32,
    state: String,
    age_ms: u64,
    wait_event_type: Option<String>,
    wait_event: Option<String>,
    application_name: String,
    statement: Option<String>,
}

#[derive(Serialize)]
struct FileAnswer {
    bytes: u64,
    free_bytes: u64,
    wal_bytes: Option<u64>,
}

impl DatabaseAnswer {
    fn of(report: DatabaseReport, long_running_from_seconds: u64) -> Self {
        let Pools { pool, writer, wal_bytes } = report.pools;
        let mut answer = Self {
            kind: None,
            is_away: false,
            pool: pool.map(PoolAnswer::of),
            writer: writer.map(PoolAnswer::of),
            connections: None,
            long_running_from_seconds,
            long_running: None,
            file: None,
        };
        match report.activity {
            Ok(DatabaseActivity { kind, connections, long_running, file }) => {
                answer.kind = Some(kind);
                answer.long_running = connections
                    .is_some()
                    .then(|| long_running.into_iter().map(LongRunningAnswer::of).collect());
                answer.connections = connections.map(ConnectionsAnswer::of);
                answer.file =
                    file.map(|file| FileAnswer { bytes: file.bytes, free_bytes: file.free_bytes, wal_bytes });
            }
            Err(unavailable) => {
                tracing::warn!(detail = unavailable.detail, "the database could not say how it is doing");
                answer.is_away = true;
            }
        }
        answer
    }
}

impl PoolAnswer {
    fn of(state: PoolState) -> Self {
        let PoolState { max, size, idle, waiting } = state;
        Self {
            max,
            size,
            idle,
            active: state.active(),
            waiting,
            ratio: (state.ratio() * 1_000.0).round() / 1_000.0,
            warning: state.is_strained(),
        }
    }
}

impl ConnectionsAnswer {
    const fn of(counts: ConnectionCounts) -> Self {
        let ConnectionCounts { active, waiting, waiting_for_lock, idle, idle_in_transaction, hidden, max } =
            counts;
        Self { active, waiting, waiting_for_lock, idle, idle_in_transaction, hidden, max }
    }
}

impl LongRunningAnswer {
    fn of(running: LongRunning) -> Self {
        let (wait_event_type, wait_event) = running.waits_for.unzip();
        Self {
            pid: running.pid,
            state: running.state,
            age_ms: u64::try_from(running.age.as_millis()).unwrap_or(u64::MAX),
            wait_event_type,
            wait_event,
            application_name: running.application_name,
            statement: running.statement,
        }
    }
}

async fn show(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    admin(&shared, &parts).await?;
    let query = Query::parse(parts.uri.query());
    let long = match query.get("long_running_seconds").map(str::parse::<u64>) {
        None => USUALLY_LONG,
        Some(Ok(seconds @ 0..=A_DAY)) => seconds,
        Some(_) => {
            let fault =
                FieldFault::new("long_running_seconds", "must be a whole number of seconds from 0 to 86400");
            return Err(Problem::validation(vec![fault]));
        }
    };
    let report = shared.api.door.database.show.run(Duration::from_secs(long)).await;
    json(StatusCode::OK, Keep::Never, &DatabaseAnswer::of(report, long))
}
