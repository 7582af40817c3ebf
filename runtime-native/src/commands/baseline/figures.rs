//! What a baseline holds.

use portico_measuring::{
    load::{Figure, Outcome, Percentiles},
    machine::Machine,
    probe::Reading,
};
use serde::{Deserialize, Serialize};

/// What the JSON calls itself.
pub(crate) const KIND: &str = "baseline";

/// A server at rest and under little load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) kind: String,
    pub(crate) at: String,
    pub(crate) commit: Option<String>,
    pub(crate) machine: Machine,
    /// `native` or `worker`; `running` for one that was there already.
    pub(crate) target: String,
    /// `SQLite` or `Postgres`; none where it isn't known.
    pub(crate) database: Option<String>,
    pub(crate) seconds: u32,
    /// From the process' start to its first answer, with nothing there yet.
    pub(crate) first_start_ms: Option<f64>,
    /// The same with what the first has left.
    pub(crate) second_start_ms: Option<f64>,
    pub(crate) idle: Option<Idle>,
    /// Resident memory after the routes were asked.
    pub(crate) resident_after_bytes: Option<u64>,
    pub(crate) routes: Vec<RouteFigures>,
    /// What could not be measured, and why.
    pub(crate) unknown: Vec<String>,
}

/// What the processes take when nobody asks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Idle {
    /// 100 is one core.
    pub(crate) cpu_percent: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl Idle {
    pub(super) fn of(from: &Reading, to: &Reading) -> Self {
        Self {
            cpu_percent: to.cpu_percent_since(from),
            resident_bytes: to.resident_bytes,
            descriptors: to.descriptors,
            threads: to.threads,
        }
    }
}

/// How a route answers at a low rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RouteFigures {
    pub(crate) name: String,
    /// At which it was asked.
    pub(crate) per_second: f64,
    pub(crate) latency: Percentiles,
    pub(crate) failed: u64,
    pub(crate) errors: std::collections::BTreeMap<String, u64>,
    /// Statements a request.
    pub(crate) statements: Figure,
}

impl RouteFigures {
    pub(super) fn of(name: &str, per_second: f64, outcome: Outcome) -> Self {
        Self {
            name: name.to_owned(),
            per_second,
            latency: outcome.latency,
            failed: outcome.failed(),
            statements: outcome.statements,
            errors: outcome.errors,
        }
    }
}
