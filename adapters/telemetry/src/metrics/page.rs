//! Where the metrics are read from.

use std::sync::Arc;

use portico_domain::door::Door;
use portico_http_api::Exposition;
use prometheus_client::{encoding::text::encode, registry::Registry};

use super::{Metrics, exposition::Scrape, process::Process};
use crate::traces::Tracer;

/// What only the runtime can tell, at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Readings {
    /// Connections of clients, and the most there may be.
    pub connections: (u64, u64),
    /// The hashing of passwords.
    pub hashing: Hashing,
    /// Facts that are written behind answers.
    pub deferred: Deferred,
    /// Uses of keys that are counted behind answers.
    pub uses: Uses,
}

/// The hashing of passwords; zeros until the first.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "named as the metrics are, which docs/observability.md tells")]
pub struct Hashing {
    pub slots: u64,
    pub running: u64,
    pub waiting: u64,
    pub computed: u64,
    pub refused: u64,
    pub abandoned: u64,
    pub late: u64,
}

/// Facts that are written behind answers.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "named as the metrics are, which docs/observability.md tells")]
pub struct Deferred {
    pub pending: u64,
    pub journal_bytes: u64,
    pub written: u64,
    pub written_through: u64,
    pub recovered: u64,
    pub retries: u64,
}

/// Uses of keys that are counted behind answers.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "named as the metrics are, which docs/observability.md tells")]
pub struct Uses {
    pub pending: u64,
    pub delivered: u64,
    pub refused: u64,
    pub recovered: u64,
    pub retries: u64,
}

/// What the metrics are read from when somebody asks.
pub struct Page {
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// What the flows have counted.
    pub door: Arc<Door>,
    /// What was traced, where anything is.
    pub tracer: Option<Arc<Tracer>>,
    /// What the runtime knows.
    pub readings: Box<dyn Fn() -> Readings + Send + Sync>,
    /// The version that runs.
    pub version: &'static str,
}

impl Page {
    /// Writes it whenever it is asked for.
    #[must_use]
    pub fn exposition(self) -> Exposition {
        let page = Arc::new(self);
        Arc::new(move || {
            let page = Arc::clone(&page);
            Box::pin(async move { page.write().await })
        })
    }

    async fn write(&self) -> String {
        let scrape = Scrape {
            metrics: Arc::clone(&self.metrics),
            cache: self.door.cache.figures().await,
            evicted: self.door.cache.evicted(),
            gate: self.door.gate.statistics(),
            pools: self.door.database.show.state.pools(),
            bots: self.door.sort_bots.counts.iter().collect(),
            spans: self.tracer.as_ref().map(|tracer| tracer.figures()),
            readings: (self.readings)(),
            process: Process::read(),
            version: self.version,
            target: self.door.settings.target.as_str(),
        };
        // Only what is the same each time could be registered once, and that is nothing: everything is read at the moment of asking.
        let mut registry = Registry::default();
        registry.register_collector(Box::new(scrape));
        let mut text = String::with_capacity(64 * 1_024);
        // Writing to a string doesn't fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
