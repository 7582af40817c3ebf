use std::sync::Arc;

use super::ConductExperiments;
use crate::{
    cache::{ArmPlan, Comparison, Experiment, ExperimentPlan, ExperimentState},
    models::{Cursor, ExperimentId, FieldFault, Page, PageRequest},
    ports::{ArmAdoption, Clock, Entropy, ExperimentResults, ExperimentStart, Experiments, Unavailable},
    settings::CachePolicies,
};

/// Why an experiment was not started, stopped or adopted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExperimentError {
    /// What was asked makes no sense.
    #[error("the experiment is not valid")]
    Invalid(Vec<FieldFault>),
    /// A prefix has one running experiment at most.
    #[error("another experiment of this prefix runs; stop it first")]
    AnotherRuns,
    /// There is none of this name.
    #[error("there is no such experiment")]
    NotFound,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Starts experiments, stops them, shows them, and adopts what they found.
///
/// States: running → stopped, running or stopped → adopted, adopted → stopped (by stopping it, or by adopting another's arm). Nothing runs twice.
pub struct ManageExperiments {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names them.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps them.
    pub experiments: Arc<dyn Experiments>,
    /// Keeps what was seen of them.
    pub results: Arc<dyn ExperimentResults>,
    /// How prefixes are kept without them.
    pub policies: CachePolicies,
    /// Puts what is decided into force here at once; the command line serves nothing, and has none.
    pub conduct: Option<Arc<ConductExperiments>>,
}

impl ManageExperiments {
    /// Starts one. What its arms leave out is what is in force for the prefix now: of the adopted arm where there is one, else as configured.
    pub async fn start(&self, mut plan: ExperimentPlan) -> Result<Experiment, ExperimentError> {
        let faults = plan.faults(self.policies.of(plan.prefix));
        if !faults.is_empty() {
            return Err(ExperimentError::Invalid(faults));
        }
        let in_force = self.experiments.in_force().await?;
        let adopted =
            in_force.iter().filter(|other| other.prefix == plan.prefix).find_map(Experiment::adopted);
        if let Some(adopted) = adopted {
            plan.arms = plan.arms.into_iter().map(|arm| arm.filled_from(adopted)).collect();
        }
        let (now, mut random) = (self.clock.now(), [0; 10]);
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        let experiment = Experiment {
            id: ExperimentId::generate(now, random),
            prefix: plan.prefix,
            name: plan.name,
            arms: plan.arms,
            state: ExperimentState::Running,
            started_at: now,
            ended_at: None,
        };
        match self.experiments.start(&experiment).await? {
            ExperimentStart::AnotherRuns => Err(ExperimentError::AnotherRuns),
            ExperimentStart::Started => {
                self.put_into_force().await;
                Ok(experiment)
            }
        }
    }

    /// Reads one page.
    pub async fn list(&self, page: PageRequest) -> Result<Page<Experiment>, Unavailable> {
        let rows = self.experiments.list(page).await?;
        Ok(Page::cut(rows, page.limit, |row| Cursor::at(row.started_at, row.id.uuid())))
    }

    /// Shows one with what all servers have told of it, this one up to now.
    pub async fn show(&self, id: ExperimentId) -> Result<(Experiment, Comparison), ExperimentError> {
        if let Some(conduct) = &self.conduct {
            conduct.record().await?;
        }
        let experiment = self.experiments.by_id(id).await?.ok_or(ExperimentError::NotFound)?;
        let results = self.results.of(id).await?;
        let comparison = Comparison::of(&experiment, &results);
        Ok((experiment, comparison))
    }

    /// Takes all its arms out of force: one that runs ends, and one that is adopted gives way to what is configured.
    pub async fn stop(&self, id: ExperimentId) -> Result<Experiment, ExperimentError> {
        let stopped = self.experiments.stop(id, self.clock.now()).await?.ok_or(ExperimentError::NotFound)?;
        self.put_into_force().await;
        Ok(stopped)
    }

    /// Ends it and keeps all entries of its prefix as one of its arms did, on every server and after every restart.
    pub async fn adopt(&self, id: ExperimentId, arm: &str) -> Result<Experiment, ExperimentError> {
        let experiment = self.experiments.by_id(id).await?.ok_or(ExperimentError::NotFound)?;
        if experiment.arm(arm).is_none() {
            return Err(ExperimentError::Invalid(vec![unknown_arm(&experiment.arms)]));
        }
        match self.experiments.adopt(id, arm, self.clock.now()).await? {
            ArmAdoption::NotFound => Err(ExperimentError::NotFound),
            ArmAdoption::AnotherRuns => Err(ExperimentError::AnotherRuns),
            ArmAdoption::Adopted(adopted) => {
                self.put_into_force().await;
                Ok(*adopted)
            }
        }
    }

    async fn put_into_force(&self) {
        if let Some(conduct) = &self.conduct {
            // It is decided; a failure to hear of it was told, and the next look will.
            let _ = conduct.run().await;
        }
    }
}

fn unknown_arm(arms: &[ArmPlan]) -> FieldFault {
    let names: Vec<_> = arms.iter().map(|arm| arm.name.as_str()).collect();
    FieldFault::new("arm", format!("must be one of the experiment's arms: {}", names.join(", ")))
}
