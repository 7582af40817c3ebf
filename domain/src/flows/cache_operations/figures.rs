use std::sync::Arc;

use uuid::Uuid;

use super::{ConductExperiments, Server};
use crate::{
    cache::{Cache, CacheReport, Policy, Prefix},
    flows::shared::{Gate, GateStatistics},
    models::{ExperimentId, Timestamp},
    ports::Unavailable,
};

/// How a prefix is kept at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixState {
    /// Which.
    pub prefix: Prefix,
    /// For all its entries while no experiment runs.
    pub policy: Policy,
    /// The experiment that runs here.
    pub running: Option<ExperimentId>,
    /// The experiment whose arm is adopted.
    pub adopted: Option<ExperimentId>,
}

/// What the cache of one process or isolate has done and how it is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheFigures {
    /// Whose figures these are.
    pub server: Uuid,
    /// Since when they count.
    pub since: Timestamp,
    /// The counters and fill.
    pub report: CacheReport,
    /// How each prefix is kept.
    pub prefixes: Vec<PrefixState>,
    /// What became of attempts while rate limits couldn't be counted.
    pub limiter: GateStatistics,
}

/// Tells the figures of the process or isolate that is asked.
pub struct ShowCache {
    /// Whose they are.
    pub server: Arc<Server>,
    /// What counts.
    pub cache: Arc<Cache>,
    /// Knows what experiments make of policies.
    pub conduct: Arc<ConductExperiments>,
    /// Asks rate limits.
    pub gate: Gate,
}

impl ShowCache {
    /// Reads the counters, one after the other and without a stop.
    pub async fn run(&self) -> Result<CacheFigures, Unavailable> {
        let state = |prefix| {
            let policy = self.cache.strategies.present(prefix).policy;
            let (running, adopted) = self.conduct.in_force(prefix);
            PrefixState { prefix, policy, running, adopted }
        };
        Ok(CacheFigures {
            server: self.server.id()?,
            since: self.server.since,
            report: self.cache.report().await,
            prefixes: Prefix::ALL.map(state).to_vec(),
            limiter: self.gate.statistics(),
        })
    }
}
