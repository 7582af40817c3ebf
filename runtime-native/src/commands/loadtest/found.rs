//! What came of a load, as `--json` writes and `portico report` reads it.

use portico_measuring::{
    load::Outcome,
    machine::Machine,
    scenarios::{Growth, Verdict},
};
use serde::{Deserialize, Serialize};

use super::pool::PoolUse;

/// What the JSON of a load test says it is.
pub(crate) const KIND: &str = "loadtest";

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) kind: String,
    pub(crate) at: String,
    pub(crate) commit: Option<String>,
    pub(crate) machine: Machine,
    /// How to do it again.
    pub(crate) command: String,
    pub(crate) scenario: String,
    /// `native`, `worker`, or nothing of a server that was named by its address.
    pub(crate) target: String,
    /// `SQLite`, `Postgres`, or nothing.
    pub(crate) database: String,
    /// `built in`, or k6 with its version.
    pub(crate) driver: String,
    /// The load, in words.
    pub(crate) load: String,
    /// What the server could do, where the load is a part of that.
    pub(crate) capacity: Option<f64>,
    pub(crate) growth: Option<Growth>,
    pub(crate) pool: Option<PoolUse>,
    pub(crate) verdicts: Vec<Verdict>,
    /// Whether the driver kept up, so that the figures tell of the server.
    pub(crate) measured: bool,
    /// Whether it was measured and every target was held to.
    pub(crate) passed: bool,
    pub(crate) outcome: Outcome,
}
