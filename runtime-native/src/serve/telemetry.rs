//! What is counted and traced of the server, and where the rest of the figures is read.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::anyhow;
use portico_crypto::{BcryptPasswords, SystemEntropy};
use portico_domain::{
    door::Door,
    flows::shared::MakePasswords,
    ports::{Clock, Entropy, Fetch, Passwords},
};
use portico_http_api::{MetricsPage, Observer};
use portico_in_process::{FileUsageLedger, JournalledWrites, SystemClock};
use portico_telemetry::{
    Telemetry, TracedFetch, WatchedPasswords,
    metrics::{Deferred, Hashing, Metrics, Page, Readings, Uses},
    traces::{TraceSettings, Tracer},
};

use super::connections::OpenConnections;
use crate::configuration::{Configuration, Database};

/// How long a stop may be held up by sending the last traces.
const LAST_TRACES: Duration = Duration::from_secs(2);

/// What watches the server.
pub(crate) struct Watching {
    telemetry: Telemetry,
    hasher: Arc<OnceLock<Arc<BcryptPasswords>>>,
}

/// Where the figures are that only the runtime can tell.
pub(super) struct Sources {
    pub(super) connections: Arc<OnceLock<OpenConnections>>,
    pub(super) deferred: Arc<JournalledWrites>,
    pub(super) usage: Arc<FileUsageLedger>,
}

impl Watching {
    /// Watches as it is configured. Traces go out through `fetch`.
    pub(crate) fn start(configuration: &Configuration, fetch: &Arc<dyn Fetch>) -> anyhow::Result<Self> {
        let tracer = match &configuration.telemetry.traces {
            None => None,
            Some(target) => {
                let settings = TraceSettings {
                    url: format!("{}/v1/traces", target.endpoint),
                    sample: target.sample,
                    service: target.service.clone(),
                    version: env!("CARGO_PKG_VERSION"),
                    scheme: if configuration.settings.public_url.starts_with("https:") {
                        "https"
                    } else {
                        "http"
                    },
                    database: match configuration.database {
                        Database::Sqlite(_) => "sqlite",
                        Database::Postgres(_) => "postgresql",
                    },
                };
                let seed = SystemEntropy.bytes().map_err(|cause| anyhow!(cause.detail))?;
                Some(Tracer::start(settings, Arc::clone(fetch), seed))
            }
        };
        let metrics = configuration.telemetry.metrics.is_some().then(Arc::default);
        Ok(Self { telemetry: Telemetry { metrics, tracer }, hasher: Arc::default() })
    }

    /// Whoever is told of requests, if anybody.
    pub(super) fn observer(&self) -> Option<Arc<dyn Observer>> {
        (!self.telemetry.is_off()).then(|| Arc::new(self.telemetry.clone()) as Arc<dyn Observer>)
    }

    /// `make`, watched where anybody watches.
    pub(crate) fn passwords(
        &self,
        make: impl Fn() -> BcryptPasswords + Send + Sync + 'static,
    ) -> MakePasswords {
        if self.telemetry.is_off() {
            return Arc::new(move || Arc::new(make()));
        }
        let (telemetry, hasher) = (self.telemetry.clone(), Arc::clone(&self.hasher));
        Arc::new(move || {
            let passwords = Arc::new(make());
            // It is made once; a second would not be told of.
            let _ = hasher.set(Arc::clone(&passwords));
            let passwords = passwords as Arc<dyn Passwords>;
            Arc::new(WatchedPasswords {
                passwords,
                telemetry: telemetry.clone(),
                clock: Arc::new(SystemClock),
            })
        })
    }

    /// `fetch`, which takes traces along where there are any.
    pub(crate) fn fetch(&self, fetch: Arc<dyn Fetch>) -> Arc<dyn Fetch> {
        match &self.telemetry.tracer {
            None => fetch,
            Some(tracer) => {
                let (tracer, clock) = (Arc::clone(tracer), Arc::new(SystemClock) as Arc<dyn Clock>);
                Arc::new(TracedFetch { fetch, tracer, clock })
            }
        }
    }

    /// The metrics' page, where there is one.
    pub(super) fn page(
        &self,
        configuration: &Configuration,
        door: &Arc<Door>,
        sources: Sources,
    ) -> Option<MetricsPage> {
        let (access, metrics) = (configuration.telemetry.metrics.clone()?, self.metrics()?);
        let hasher = Arc::clone(&self.hasher);
        let page = Page {
            metrics,
            door: Arc::clone(door),
            tracer: self.telemetry.tracer.clone(),
            readings: Box::new(move || sources.read(hasher.get().map(Arc::as_ref))),
            version: env!("CARGO_PKG_VERSION"),
        };
        Some(MetricsPage { exposition: page.exposition(), access })
    }

    fn metrics(&self) -> Option<Arc<Metrics>> {
        self.telemetry.metrics.clone()
    }

    /// Sends the traces that wait.
    pub(super) async fn flush(&self) {
        if let Some(tracer) = &self.telemetry.tracer {
            tracer.flush(LAST_TRACES).await;
        }
    }
}

impl Sources {
    fn read(&self, hasher: Option<&BcryptPasswords>) -> Readings {
        let (deferred, uses) = (self.deferred.figures(), self.usage.figures());
        let hashing = hasher.map(BcryptPasswords::figures).map(|figures| Hashing {
            slots: figures.slots as u64,
            running: figures.running as u64,
            waiting: figures.waiting as u64,
            computed: figures.computed,
            refused: figures.refused,
            abandoned: figures.abandoned,
            late: figures.late,
        });
        Readings {
            connections: self.connections.get().map(OpenConnections::read).unwrap_or_default(),
            hashing: hashing.unwrap_or_default(),
            deferred: Deferred {
                pending: deferred.pending as u64,
                journal_bytes: deferred.journal_bytes,
                written: deferred.written,
                written_through: deferred.written_through,
                recovered: deferred.recovered,
                retries: deferred.retried,
            },
            uses: Uses {
                pending: uses.pending,
                delivered: uses.delivered,
                refused: uses.refused,
                recovered: uses.recovered,
                retries: uses.retried,
            },
        }
    }
}
