use async_trait::async_trait;
use uuid::Uuid;

use super::Unavailable;
use crate::{
    cache::{ArmResult, ArmTally, Experiment},
    models::{ExperimentId, PageRequest, Timestamp},
};

/// What became of starting an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExperimentStart {
    /// It runs.
    Started,
    /// Another one of its prefix runs; nothing was written.
    AnotherRuns,
}

/// What became of adopting an arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArmAdoption {
    /// It is in force, and its experiment, as it is now, has ended. What was adopted for the prefix before no longer is.
    Adopted(Box<Experiment>),
    /// Another experiment of the prefix runs; nothing was written.
    AnotherRuns,
    /// There is no such experiment.
    NotFound,
}

/// The experiments of all servers: at most one of a prefix runs, and at most one arm is adopted for it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Experiments: Send + Sync {
    /// Starts an experiment, unless one of its prefix runs. Of many that are started at once, one is.
    async fn start(&self, experiment: &Experiment) -> Result<ExperimentStart, Unavailable>;

    /// Finds one.
    async fn by_id(&self, id: ExperimentId) -> Result<Option<Experiment>, Unavailable>;

    /// Lists them by when they were started, one more than the limit if there are more.
    async fn list(&self, page: PageRequest) -> Result<Vec<Experiment>, Unavailable>;

    /// Those that run or have an adopted arm, by one statement: asked every few seconds.
    async fn in_force(&self) -> Result<Vec<Experiment>, Unavailable>;

    /// Takes all arms of an experiment out of force, whether it runs or one is adopted. Idempotent: its first end stands. `None` when there is no such
    /// experiment.
    async fn stop(&self, id: ExperimentId, at: Timestamp) -> Result<Option<Experiment>, Unavailable>;

    /// Ends an experiment and puts this arm of it into force, unless another of its prefix runs. That it has such an arm is the caller's to know.
    async fn adopt(&self, id: ExperimentId, arm: &str, at: Timestamp) -> Result<ArmAdoption, Unavailable>;
}

/// What one server has seen of one arm since it heard of the experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmRecord {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The arm's name.
    pub arm: String,
    /// The sums so far.
    pub tally: ArmTally,
}

/// What servers have seen of experiments.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ExperimentResults: Send + Sync {
    /// Puts what this server has seen so far in place of what it said before. Idempotent; of two that arrive in the wrong order the larger stands.
    async fn record(&self, server: Uuid, records: &[ArmRecord], at: Timestamp) -> Result<(), Unavailable>;

    /// The sums over all servers, an arm each.
    async fn of(&self, id: ExperimentId) -> Result<Vec<ArmResult>, Unavailable>;
}
