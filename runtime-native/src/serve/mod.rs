//! Serving, from the first connection to a gentle end.
//!
//! 1. Listen, so that a taken port is found first; make sure of the schema; wire.
//! 2. Say where we listen, and serve.
//! 3. Told to stop: take no more connections, let each that is open have its answer, finish the writes that follow answers, close the database.
//!    Nothing that was accepted is lost. What can't be finished in time is left to the journal.

mod bodies;
mod connections;
mod limits;
mod listener;
mod protocol;
mod recording;
mod signals;
mod stream;
mod telemetry;
mod tls;
mod upkeep;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use portico_domain::{flows::cache_operations::ConductExperiments, ports::Clock};
use portico_http_api::{Api, Profiler, Surface, Watch};
use portico_in_process::{FileUsageLedger, JournalledWrites, SystemClock};

pub(crate) use self::telemetry::Watching;
use self::{connections::Connections, listener::Listener, signals::Signals, telemetry::Sources, tls::Tls};
use crate::{
    Failure,
    cli::Serve,
    configuration::{Configuration, Database},
    storage::{SchemaFault, Store, note},
    wiring::{self, Wired, wire},
};

/// How long a start may wait for a database before it serves without: it isn't ready then, but alive.
const SCHEMA_WAIT: Duration = Duration::from_secs(2);
/// How long a start may wait for Redis, so that the first requests find its rate limits.
const REDIS_WAIT: Duration = Duration::from_secs(1);
/// The part of the shutdown's time that requests under way may take; the rest is for what follows them.
const REQUESTS_SHARE: f64 = 0.8;
/// How long a stop may be held up by telling the last results of experiments.
const LAST_RESULTS: Duration = Duration::from_secs(1);
/// The least time for deferred writes, however long requests took.
const LEAST_DRAIN: Duration = Duration::from_secs(1);

/// Serves until told to stop.
pub(crate) async fn serve(
    mut configuration: Configuration,
    options: &Serve,
    profiler: Option<Arc<dyn Profiler>>,
) -> Result<(), Failure> {
    let started_at = SystemClock.now();
    let mut signals = Signals::new().context("listening to signals")?;
    let mut listener = Listener::bind(configuration.listen)?;
    let address = listener.address();
    if !configuration.public_url_is_set {
        configuration.settings.public_url = configuration.serving.default_public_url(address);
    }
    let store = Arc::new(Store::open(&configuration, Arc::new(SystemClock))?);
    let schema_is_known = tokio::select! {
        known = prepare_schema(&store, &configuration, options.migrate) => known?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before serving");
            return Ok(());
        }
    };
    let fetch = wiring::fetch(&configuration)?;
    let watching = Watching::start(&configuration, &fetch)?;
    let Wired { door, deferred, usage, redis } = wire(&configuration, &store, &watching, &fetch)?;
    if let Some(redis) = &redis
        && !redis.ready(REDIS_WAIT).await
    {
        tracing::warn!(
            "Redis doesn't answer yet: serving without the shared cache, and closed where its rate limits are needed"
        );
    }
    let api = Api { door: Arc::clone(&door), version: env!("CARGO_PKG_VERSION"), started_at };
    let recorder = configuration.record_statements.as_deref().map(recording::recorder).transpose()?;
    let open = Arc::new(OnceLock::new());
    let sources = Sources {
        connections: Arc::clone(&open),
        deferred: Arc::clone(&deferred),
        usage: Arc::clone(&usage),
    };
    let metrics = watching.page(&configuration, &door, sources);
    let watch = Watch { observer: watching.observer(), metrics, profiler, recorder };
    let surface = Surface::watched(api, watch);
    let serving = &configuration.serving;
    let tls =
        serving.tls.as_ref().map(|files| Tls::new(files, serving.speaks_http2)).transpose()?.map(Arc::new);
    let connections = Connections::new(surface, serving, tls.clone());
    // The surface comes first, and its metrics' page tells of them.
    let _ = open.set(connections.open());

    tracing::info!(
        address = format!("{}://{address}", serving.scheme()),
        database = configuration.database.shown(),
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    let upkeep = tokio::spawn(upkeep::run(Arc::clone(&door)));
    let conduct = tokio::spawn(upkeep::conduct(Arc::clone(&door)));
    let pools = tokio::spawn(upkeep::watch_pools(Arc::clone(&door)));
    let mut schema = tokio::spawn(watch_schema(Arc::clone(&store), schema_is_known));
    let certificate = tls.map(|tls| tokio::spawn(async move { tls.watch().await }));
    let outcome = tokio::select! {
        () = connections.serve(&mut listener) => unreachable_end(),
        signal = signals.next() => {
            tracing::info!(signal, "stopping: no new connections, finishing what is under way");
            Ok(())
        }
        fault = &mut schema => Err(fault.map_or_else(|error| anyhow!(error), anyhow::Error::new)),
    };
    upkeep.abort();
    conduct.abort();
    pools.abort();
    schema.abort();
    if let Some(certificate) = certificate {
        certificate.abort();
    }
    let last_results = Arc::clone(&door.cache_operations.conduct);
    let finish = Finish { connections, deferred: &deferred, usage: &usage, results: &last_results };
    let deadline = tokio::time::Instant::now() + configuration.shutdown_time_limit;
    let stop = stop(finish, listener, &store, configuration.shutdown_time_limit);
    let stop = async {
        stop.await;
        let redis = async {
            if let Some(redis) = redis {
                redis.close().await;
            }
        };
        // Neither is worth more time than a stop was given: traces are a sample, and Redis does without a farewell.
        let _ = tokio::time::timeout_at(deadline, async { tokio::join!(watching.flush(), redis) }).await;
    };
    tokio::select! {
        () = stop => {}
        signal = signals.next() => {
            return Err(anyhow!("stopped at once by a second {signal}; deferred writes wait in the journal").into());
        }
    }
    outcome.map_err(Failure::from)
}

/// Accepting has no end of its own.
fn unreachable_end() -> anyhow::Result<()> {
    Err(anyhow!("the listener ended"))
}

/// Says whether the schema is known to be right; it isn't yet where the database is away.
async fn prepare_schema(
    store: &Store,
    configuration: &Configuration,
    migrate: bool,
) -> Result<bool, Failure> {
    let shown = || configuration.database.shown();
    if migrate {
        note(&store.migrate(SystemClock.now()).await.with_context(shown)?);
        return Ok(true);
    }
    let ensured = store.ensure_schema(SystemClock.now());
    let ensured = if matches!(configuration.database, Database::Sqlite(_)) {
        ensured.await
    } else {
        // Being away is no fault of a server's configuration; a file that can't be opened is.
        match tokio::time::timeout(SCHEMA_WAIT, ensured).await {
            Ok(Err(SchemaFault::Away(fault))) => {
                tracing::warn!(%fault, "the database is away; serving without it until it answers");
                return Ok(false);
            }
            Ok(ensured) => ensured,
            Err(_) => {
                tracing::warn!("the database doesn't answer; serving without it until it does");
                return Ok(false);
            }
        }
    };
    ensured.with_context(shown)?;
    Ok(true)
}

/// Looks at the schema of a database that was away, once it answers. Returns only when it is wrong.
async fn watch_schema(store: Arc<Store>, is_known: bool) -> SchemaFault {
    let mut pause = Duration::from_millis(250);
    let mut is_known = is_known;
    while !is_known {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
        match store.ensure_schema(SystemClock.now()).await {
            Ok(()) => {
                tracing::info!("the database answers");
                is_known = true;
            }
            Err(SchemaFault::Away(_)) => {}
            Err(fault) => return fault,
        }
    }
    std::future::pending().await
}

/// What has to be finished before the database is closed.
struct Finish<'a> {
    connections: Connections,
    deferred: &'a JournalledWrites,
    usage: &'a FileUsageLedger,
    results: &'a ConductExperiments,
}

async fn stop(finish: Finish<'_>, listener: Listener, store: &Store, limit: Duration) {
    let Finish { connections, deferred, usage, results } = finish;
    let deadline = Instant::now() + limit;
    let abandoned = connections.finish(listener, limit.mul_f64(REQUESTS_SHARE)).await;
    if abandoned > 0 {
        tracing::warn!(
            connections = abandoned,
            "requests took longer than the shutdown may; their connections are closed"
        );
    }
    let drain = deadline.saturating_duration_since(Instant::now()).max(LEAST_DRAIN);
    // What was seen of experiments since it was last told may be lost; it isn't worth a wait for a database that is away.
    let results = tokio::time::timeout(LAST_RESULTS.min(drain), results.record());
    let (left, uses_left, _) = tokio::join!(deferred.drain(drain), usage.drain(drain), results);
    if left > 0 {
        tracing::warn!(facts = left, "deferred writes are left in the journal for the next start");
    }
    if uses_left > 0 {
        tracing::warn!(uses = uses_left, "uses of keys are left in their files for the next start");
    }
    store.close().await;
    tracing::info!(deferred_writes_left = left, uses_left, "stopped");
}
