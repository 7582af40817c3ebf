use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::Server;
use crate::{
    cache::{Arm, ArmCounters, ArmTally, Cache, Experiment, ExperimentState, Policy, Prefix, PrefixStrategy},
    models::ExperimentId,
    ports::{ArmRecord, Background, Clock, ExperimentResults, Experiments, Notice, Notices, Unavailable},
};

/// Does on this server what storage says of experiments, and tells storage what this server sees of them. Nothing has to be restarted for it.
///
/// 1. What runs and what is adopted is read, by one statement.
/// 2. Policies and arms are put into force. What is read may arrive in another order than it was asked for: what was asked for later counts.
/// 3. What was seen so far is recorded, if there is anything new, also once more of experiments that have just ended.
///
/// Natively a task does that every two seconds; on Workers it is done behind answers, now and then.
pub struct ConductExperiments {
    parts: ConductParts,
    state: Mutex<Conducting>,
    asked: AtomicU64,
    due_at: AtomicI64,
    /// How much the cache had been used when this was done last.
    seen: AtomicU64,
    is_away: AtomicBool,
}

/// What it takes to conduct experiments.
pub struct ConductParts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Whose policies are put into force.
    pub cache: Arc<Cache>,
    /// Knows what runs and what is adopted.
    pub experiments: Arc<dyn Experiments>,
    /// Keeps what was seen.
    pub results: Arc<dyn ExperimentResults>,
    /// As whom to tell.
    pub server: Arc<Server>,
    /// Does what nobody waits for.
    pub background: Arc<dyn Background>,
    /// Hears when storage can't be asked, and when it can again.
    pub notices: Arc<dyn Notices>,
}

#[derive(Default)]
struct Conducting {
    /// The number of the reading that was applied last.
    applied: u64,
    prefixes: [InForce; Prefix::ALL.len()],
    /// Whose last results are still to be told.
    ended: Vec<Conducted>,
}

/// What is in force for a prefix.
#[derive(Default)]
struct InForce {
    adopted: Option<(ExperimentId, String)>,
    running: Option<Conducted>,
}

/// An experiment that runs here.
struct Conducted {
    id: ExperimentId,
    arms: Vec<ConductedArm>,
}

struct ConductedArm {
    name: String,
    counters: Arc<ArmCounters>,
    told: ArmTally,
}

impl ConductExperiments {
    /// How often a server looks, unless it is asked.
    pub const EVERY: Duration = Duration::from_secs(2);
    /// How often an isolate does.
    pub const EVERY_IN_ISOLATES: Duration = Duration::from_secs(10);

    /// Conducts nothing yet.
    #[must_use]
    pub fn new(parts: ConductParts) -> Self {
        Self {
            parts,
            state: Mutex::default(),
            asked: AtomicU64::new(0),
            due_at: AtomicI64::new(i64::MIN),
            seen: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
        }
    }

    /// Tells the story above, once.
    pub async fn run(&self) -> Result<(), Unavailable> {
        let outcome = self.look_and_tell().await;
        let was_away = self.is_away.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(cause) if !was_away => {
                self.parts.notices.tell(Notice::ExperimentsUnknown { detail: cause.detail.clone() });
            }
            Ok(()) if was_away => self.parts.notices.tell(Notice::ExperimentsKnown),
            _ => {}
        }
        outcome
    }

    /// Does so behind the answer that is being made, if the cache was used since the last time and that is [`Self::EVERY_IN_ISOLATES`] ago. A probe of an isolate asks the
    /// database nothing.
    pub fn run_when_due(self: &Arc<Self>) {
        let activity = self.parts.cache.activity();
        if self.seen.load(Ordering::Relaxed) == activity {
            return;
        }
        let now = self.parts.clock.now();
        let due_at = self.due_at.load(Ordering::Acquire);
        let next = now.after(Self::EVERY_IN_ISOLATES).micros();
        if now.micros() < due_at
            || self.due_at.compare_exchange(due_at, next, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            return;
        }
        self.seen.store(activity, Ordering::Relaxed);
        let conduct = Arc::clone(self);
        // A failure was told.
        self.parts.background.run(Box::pin(async move { drop(conduct.run().await) }));
    }

    /// The experiments whose arms are in force here for a prefix: the running one, and the one of which an arm is adopted.
    #[must_use]
    pub fn in_force(&self, prefix: Prefix) -> (Option<ExperimentId>, Option<ExperimentId>) {
        let state = self.state();
        let InForce { adopted, running } = &state.prefixes[prefix as usize];
        (running.as_ref().map(|conducted| conducted.id), adopted.as_ref().map(|(id, _)| *id))
    }

    /// Records what was seen so far, if there is anything new.
    pub async fn record(&self) -> Result<(), Unavailable> {
        let records = self.state().news();
        if !records.is_empty() {
            let now = self.parts.clock.now();
            self.parts.results.record(self.parts.server.id()?, &records, now).await?;
        }
        self.state().told(&records);
        Ok(())
    }

    async fn look_and_tell(&self) -> Result<(), Unavailable> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let in_force = self.parts.experiments.in_force().await?;
        self.apply(number, &in_force);
        self.record().await
    }

    pub(super) fn apply(&self, number: u64, in_force: &[Experiment]) {
        let mut state = self.state();
        if number < state.applied {
            return;
        }
        state.applied = number;
        for prefix in Prefix::ALL {
            let of_prefix = || in_force.iter().filter(|experiment| experiment.prefix == prefix);
            let adopted = of_prefix().find(|experiment| experiment.adopted().is_some());
            let running = of_prefix().find(|experiment| experiment.state == ExperimentState::Running);
            if state.prefixes[prefix as usize].is(adopted, running) {
                continue;
            }
            let configured = self.parts.cache.strategies.configured(prefix);
            let arm = adopted.and_then(Experiment::adopted);
            let policy = arm.map_or(configured, |arm| arm.policy(prefix, &configured));
            let place = &mut state.prefixes[prefix as usize];
            place.adopted = adopted.zip(arm).map(|(experiment, arm)| (experiment.id, arm.name.clone()));
            if place.runs(running) {
                // It goes on, with what it has seen.
                let present = self.parts.cache.strategies.present(prefix);
                self.parts.cache.strategies.put(prefix, PrefixStrategy { policy, ..present });
                continue;
            }
            let (conducted, arms) = running.map(|running| begin(running, &configured)).unzip();
            let before = std::mem::replace(&mut place.running, conducted);
            let seed = running.map_or(0, Experiment::seed);
            let strategy = PrefixStrategy { policy, seed, arms: arms.unwrap_or_default() };
            self.parts.cache.strategies.put(prefix, strategy);
            state.ended.extend(before);
        }
    }

    fn state(&self) -> MutexGuard<'_, Conducting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An experiment that begins to run here, and its arms as they are put into force.
fn begin(experiment: &Experiment, configured: &Policy) -> (Conducted, Vec<Arm>) {
    let (mut conducted, mut arms) = (Vec::new(), Vec::new());
    for plan in &experiment.arms {
        let counters: Arc<ArmCounters> = Arc::default();
        let policy = plan.policy(experiment.prefix, configured);
        arms.push(Arm { policy, counters: Arc::clone(&counters) });
        conducted.push(ConductedArm { name: plan.name.clone(), counters, told: ArmTally::default() });
    }
    (Conducted { id: experiment.id, arms: conducted }, arms)
}

impl InForce {
    /// Whether this experiment, or none, is the one that runs.
    fn runs(&self, running: Option<&Experiment>) -> bool {
        self.running.as_ref().map(|conducted| conducted.id) == running.map(|experiment| experiment.id)
    }

    fn is(&self, adopted: Option<&Experiment>, running: Option<&Experiment>) -> bool {
        let same_arm = match (&self.adopted, adopted) {
            (None, None) => true,
            (Some((id, arm)), Some(experiment)) => {
                *id == experiment.id && experiment.adopted().is_some_and(|adopted| adopted.name == *arm)
            }
            _ => false,
        };
        same_arm && self.runs(running)
    }
}

impl Conducting {
    fn conducted(&mut self) -> impl Iterator<Item = &mut Conducted> {
        self.prefixes.iter_mut().filter_map(|prefix| prefix.running.as_mut()).chain(&mut self.ended)
    }

    /// What was seen that has not been told.
    fn news(&mut self) -> Vec<ArmRecord> {
        let mut records = Vec::new();
        for conducted in self.conducted() {
            for arm in &conducted.arms {
                let tally = arm.counters.read();
                if tally != arm.told {
                    records.push(ArmRecord { experiment: conducted.id, arm: arm.name.clone(), tally });
                }
            }
        }
        records
    }

    /// Notes what was told. Of what has ended nothing is to come any more, except from reads that were under way.
    fn told(&mut self, records: &[ArmRecord]) {
        for conducted in self.conducted() {
            for record in records.iter().filter(|record| record.experiment == conducted.id) {
                for arm in conducted.arms.iter_mut().filter(|arm| arm.name == record.arm) {
                    arm.told = record.tally;
                }
            }
        }
        self.ended.retain(|conducted| conducted.arms.iter().any(|arm| arm.told != arm.counters.read()));
    }
}
