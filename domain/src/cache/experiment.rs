use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Policy, Prefix, Tiers};
use crate::models::{ExperimentId, FieldFault, Timestamp};

/// What one arm of an experiment changes about how entries are kept. What it leaves out is as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmPlan {
    /// What the arm is called; no two of an experiment alike.
    pub name: String,
    /// How long an entry is fresh.
    pub lifetime_seconds: Option<u32>,
    /// How long past its lifetime an entry is still used: for `api-key` while storage can't be asked, because a key is never answered stale otherwise; for every
    /// other prefix while it is loaded anew behind the answer.
    pub stale_seconds: Option<u32>,
    /// Where entries are kept.
    pub tiers: Option<Tiers>,
}

/// How an experiment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExperimentState {
    /// Its arms share the entries of its prefix.
    Running,
    /// None of its arms is in force.
    Stopped,
    /// One arm, the one of this name, is how all entries of the prefix are kept.
    Adopted(String),
}

/// A comparison of ways to keep the entries of one prefix, each tried on an equal part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// Names it.
    pub id: ExperimentId,
    /// Whose entries are split.
    pub prefix: Prefix,
    /// What people call it.
    pub name: String,
    /// The ways that are compared, two to four.
    pub arms: Vec<ArmPlan>,
    /// How it stands.
    pub state: ExperimentState,
    /// Since when its arms were tried.
    pub started_at: Timestamp,
    /// Until when.
    pub ended_at: Option<Timestamp>,
}

/// What is asked of a new experiment, whose members need not make sense together yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentPlan {
    /// Whose entries are split.
    pub prefix: Prefix,
    /// What people call it.
    pub name: String,
    /// The ways that are compared.
    pub arms: Vec<ArmPlan>,
}

impl ArmPlan {
    /// The longest lifetime of an arm's entries, in seconds.
    pub const LONGEST_LIFETIME: u32 = 3_600;
    /// The longest that an arm's entries are used past their lifetime, in seconds.
    pub const LONGEST_STALE: u32 = 86_400;

    /// An arm that changes nothing.
    pub fn control(name: impl Into<String>) -> Self {
        Self { name: name.into(), lifetime_seconds: None, stale_seconds: None, tiers: None }
    }

    /// The same, with what it leaves out taken from `other`.
    #[must_use]
    pub fn filled_from(mut self, other: &Self) -> Self {
        self.lifetime_seconds = self.lifetime_seconds.or(other.lifetime_seconds);
        self.stale_seconds = self.stale_seconds.or(other.stale_seconds);
        self.tiers = self.tiers.or(other.tiers);
        self
    }

    /// The policy of the arm's entries, where `configured` is what the operator set. A key is never used for longer than that: how long a revoked one can live is
    /// promised, and no experiment breaks the promise, also where servers are configured differently.
    #[must_use]
    pub fn policy(&self, prefix: Prefix, configured: &Policy) -> Policy {
        let seconds = |seconds: Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let bounded = |wanted: Duration, bound: Duration| {
            if prefix == Prefix::ApiKey { wanted.min(bound) } else { wanted }
        };
        let mut policy = *configured;
        if let Some(lifetime) = seconds(self.lifetime_seconds) {
            policy.lifetime = bounded(lifetime, configured.lifetime);
            policy.refresh_after = policy.lifetime * 3 / 4;
        }
        if let Some(stale) = seconds(self.stale_seconds) {
            if prefix == Prefix::ApiKey {
                policy.stale_when_away = bounded(stale, configured.stale_when_away);
            } else {
                policy.stale = stale;
            }
        }
        policy.tiers = self.tiers.unwrap_or(configured.tiers);
        policy
    }

    fn faults(&self, at: usize, prefix: Prefix, configured: &Policy, faults: &mut Vec<FieldFault>) {
        let mut fault = |member: &str, message: String| {
            faults.push(FieldFault::new(format!("arms[{at}].{member}"), message));
        };
        if let Err(wrong) = check_name(&self.name) {
            fault("name", wrong.to_owned());
        }
        let longest = |bound: u32, configured: Duration| {
            let configured = u32::try_from(configured.as_secs()).unwrap_or(u32::MAX);
            if prefix == Prefix::ApiKey { bound.min(configured) } else { bound }
        };
        let most = longest(Self::LONGEST_LIFETIME, configured.lifetime);
        if self.lifetime_seconds.is_some_and(|seconds| !(1..=most).contains(&seconds)) {
            fault("lifetime_seconds", bounds(1, most, Self::LONGEST_LIFETIME));
        }
        let most = longest(Self::LONGEST_STALE, configured.stale_when_away);
        if self.stale_seconds.is_some_and(|seconds| seconds > most) {
            fault("stale_seconds", bounds(0, most, Self::LONGEST_STALE));
        }
    }
}

fn bounds(least: u32, most: u32, usual: u32) -> String {
    let why = if most < usual {
        " here: a revoked key must not live longer than the configuration promises"
    } else {
        ""
    };
    format!("must be a whole number from {least} to {most}{why}")
}

impl ExperimentPlan {
    /// The fewest arms: one to compare with another.
    pub const FEWEST_ARMS: usize = 2;
    /// The most.
    pub const MOST_ARMS: usize = 4;

    /// What is wrong with it where `configured` is how the prefix is kept; nothing, if it can be run.
    #[must_use]
    pub fn faults(&self, configured: &Policy) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if configured.tiers == Tiers::Off {
            let message = "is switched off by its operator; an experiment doesn't turn it on";
            faults.push(FieldFault::new("prefix", message));
        }
        if let Err(wrong) = check_name(&self.name) {
            faults.push(FieldFault::new("name", wrong));
        }
        if !(Self::FEWEST_ARMS..=Self::MOST_ARMS).contains(&self.arms.len()) {
            faults.push(FieldFault::new("arms", "must be 2 to 4 arms"));
        }
        for (at, arm) in self.arms.iter().enumerate().take(Self::MOST_ARMS) {
            arm.faults(at, self.prefix, configured, &mut faults);
            if self.arms[..at].iter().any(|before| before.name == arm.name) {
                faults.push(FieldFault::new(format!("arms[{at}].name"), "must differ from the other arms'"));
            }
        }
        faults
    }
}

/// A name is told in answers, logs and command lines.
fn check_name(name: &str) -> Result<(), &'static str> {
    match name.trim().chars().count() {
        0 => Err("must not be empty"),
        1..=60 if name.trim() != name => Err("must not begin or end with a space"),
        1..=60 if name.chars().any(char::is_control) => Err("must not contain control characters"),
        1..=60 => Ok(()),
        _ => Err("must be at most 60 characters long"),
    }
}

impl Experiment {
    /// The arm of this name.
    #[must_use]
    pub fn arm(&self, name: &str) -> Option<&ArmPlan> {
        self.arms.iter().find(|arm| arm.name == name)
    }

    /// The arm that is adopted, if one is.
    #[must_use]
    pub fn adopted(&self) -> Option<&ArmPlan> {
        match &self.state {
            ExperimentState::Adopted(name) => self.arm(name),
            ExperimentState::Running | ExperimentState::Stopped => None,
        }
    }

    /// Mixed into the entries' own numbers, so that each experiment splits them differently.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.id.uuid().as_u64_pair().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(prefix: Prefix, arms: Vec<ArmPlan>) -> ExperimentPlan {
        ExperimentPlan { prefix, name: "shorter".to_owned(), arms }
    }

    fn arm(name: &str, lifetime: Option<u32>, stale: Option<u32>, tiers: Option<Tiers>) -> ArmPlan {
        ArmPlan { name: name.to_owned(), lifetime_seconds: lifetime, stale_seconds: stale, tiers }
    }

    fn fields(plan: &ExperimentPlan, configured: &Policy) -> Vec<String> {
        plan.faults(configured).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn an_arm_changes_what_it_names_and_leaves_the_rest() {
        let books = Prefix::Books.policy();
        assert_eq!(ArmPlan::control("control").policy(Prefix::Books, &books), books);
        let changed = arm("long", Some(400), Some(50), Some(Tiers::Memory)).policy(Prefix::Books, &books);
        assert_eq!(
            (changed.lifetime, changed.refresh_after),
            (Duration::from_secs(400), Duration::from_secs(300))
        );
        assert_eq!((changed.stale, changed.tiers), (Duration::from_secs(50), Tiers::Memory));
        assert_eq!((changed.stale_when_away, changed.negative), (books.stale_when_away, books.negative));
    }

    #[test]
    fn a_key_is_never_used_for_longer_than_configured() {
        let keys = Prefix::ApiKey.policy();
        let long = arm("long", Some(61), Some(601), None);
        let policy = long.policy(Prefix::ApiKey, &keys);
        assert_eq!((policy.lifetime, policy.stale_when_away), (keys.lifetime, keys.stale_when_away));
        assert_eq!(policy.stale, Duration::ZERO, "a key is not answered stale while storage answers");
        let plan = plan(Prefix::ApiKey, vec![ArmPlan::control("a"), long]);
        assert_eq!(fields(&plan, &keys), ["arms[1].lifetime_seconds", "arms[1].stale_seconds"]);
        assert!(plan.faults(&keys)[0].message.contains("from 1 to 60 here: a revoked key"));
        let revocable_at_once = Policy { stale_when_away: Duration::ZERO, ..keys };
        let kept = super::ExperimentPlan {
            arms: vec![ArmPlan::control("a"), arm("b", Some(60), Some(1), None)],
            ..plan
        };
        assert_eq!(fields(&kept, &revocable_at_once), ["arms[1].stale_seconds"]);
    }

    #[test]
    fn every_fault_of_a_plan_is_told_with_its_place() {
        let books = Prefix::Books.policy();
        let two = |a, b| plan(Prefix::Books, vec![a, b]);
        let good =
            two(arm("a", Some(1), Some(0), Some(Tiers::Off)), arm("b", Some(3_600), Some(86_400), None));
        assert_eq!(fields(&good, &books), [""; 0]);
        let bad = two(arm("", Some(0), Some(86_401), None), arm("b ", Some(3_601), None, None));
        let wrong = [
            "arms[0].name",
            "arms[0].lifetime_seconds",
            "arms[0].stale_seconds",
            "arms[1].name",
            "arms[1].lifetime_seconds",
        ];
        assert_eq!(fields(&bad, &books), wrong);
        assert_eq!(fields(&two(ArmPlan::control("a"), ArmPlan::control("a")), &books), ["arms[1].name"]);
        assert_eq!(fields(&plan(Prefix::Books, vec![ArmPlan::control("a")]), &books), ["arms"]);
        let five = (0..5).map(|n| ArmPlan::control(n.to_string())).collect();
        assert_eq!(fields(&plan(Prefix::Books, five), &books), ["arms"]);
        let off = Policy { tiers: Tiers::Off, ..books };
        let mut nameless = good;
        nameless.name = "x".repeat(61);
        assert_eq!(fields(&nameless, &off), ["prefix", "name"]);
    }

    #[test]
    fn what_an_arm_leaves_out_is_filled_from_the_one_in_force() {
        let in_force = arm("adopted", Some(20), None, Some(Tiers::Memory));
        let filled = arm("new", None, Some(5), Some(Tiers::Off)).filled_from(&in_force);
        assert_eq!(filled, arm("new", Some(20), Some(5), Some(Tiers::Off)));
    }
}
