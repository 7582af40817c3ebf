use std::sync::{Arc, PoisonError, RwLock};

use super::{ArmCounters, CacheKey, Policy, Prefix, Tiers};

/// How one entry is kept, and which arm of an experiment is to be told about it.
#[derive(Debug, Clone)]
pub(super) struct Strategy {
    pub(super) policy: Policy,
    pub(super) arm: Option<Arc<ArmCounters>>,
}

/// One arm of a running experiment.
#[derive(Debug, Clone)]
pub struct Arm {
    /// How its entries are kept.
    pub policy: Policy,
    /// What it sees.
    pub counters: Arc<ArmCounters>,
}

/// How the entries of a prefix are kept at present.
#[derive(Debug, Clone)]
pub struct PrefixStrategy {
    /// For all of them, while no experiment runs.
    pub policy: Policy,
    /// Mixed into the entries' own numbers, so that two experiments split them differently.
    pub seed: u64,
    /// The arms of the experiment that runs, if one does; each is given an equal part of the entries.
    pub arms: Vec<Arm>,
}

/// The policies in force: the table's, as settings and adopted experiments have changed them, and the arms of experiments that run. They can be changed
/// while requests are served.
pub struct Strategies {
    configured: [Policy; Prefix::ALL.len()],
    present: RwLock<Vec<PrefixStrategy>>,
}

impl Default for Strategies {
    fn default() -> Self {
        Self::new(Prefix::ALL.map(Prefix::policy))
    }
}

impl Strategies {
    /// Begins with these policies, in the order of [`Prefix::ALL`].
    #[must_use]
    pub fn new(configured: [Policy; Prefix::ALL.len()]) -> Self {
        let present = configured
            .iter()
            .map(|policy| PrefixStrategy { policy: *policy, seed: 0, arms: Vec::new() })
            .collect();
        Self { configured, present: RwLock::new(present) }
    }

    /// What was configured for a prefix, whatever experiments make of it.
    #[must_use]
    pub const fn configured(&self, prefix: Prefix) -> Policy {
        self.configured[prefix as usize]
    }

    /// What is in force for a prefix.
    #[must_use]
    pub fn present(&self, prefix: Prefix) -> PrefixStrategy {
        self.present.read().unwrap_or_else(PoisonError::into_inner)[prefix as usize].clone()
    }

    /// Puts a strategy into force. A prefix whose cache was configured off stays off: an experiment doesn't overrule an operator's switch.
    pub fn put(&self, prefix: Prefix, mut strategy: PrefixStrategy) {
        if self.configured(prefix).tiers == Tiers::Off {
            strategy = PrefixStrategy { policy: self.configured(prefix), seed: 0, arms: Vec::new() };
        }
        self.present.write().unwrap_or_else(PoisonError::into_inner)[prefix as usize] = strategy;
    }

    /// How `key` is kept.
    pub(super) fn of(&self, key: &CacheKey) -> Strategy {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        let strategy = &present[key.prefix as usize];
        match arm_of(key, strategy.seed, strategy.arms.len()).and_then(|arm| strategy.arms.get(arm)) {
            Some(arm) => Strategy { policy: arm.policy, arm: Some(Arc::clone(&arm.counters)) },
            None => Strategy { policy: strategy.policy, arm: None },
        }
    }
}

/// The arm that a key belongs to, the same on every server and at every time.
fn arm_of(key: &CacheKey, seed: u64, arms: usize) -> Option<usize> {
    let mixed = (key.spread() ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let arms = u64::try_from(arms).ok().filter(|arms| *arms > 0)?;
    usize::try_from((mixed >> 32) % arms).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(n: u32) -> CacheKey {
        CacheKey::of(Prefix::Settings, &n.to_le_bytes())
    }

    #[test]
    fn arms_are_equal_and_a_key_stays_in_its_own() {
        let mut counts = [0; 3];
        for n in 0..30_000 {
            let arm = arm_of(&key(n), 7, 3).unwrap();
            assert_eq!(Some(arm), arm_of(&key(n), 7, 3));
            counts[arm] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        let moved = (0..30_000).filter(|n| arm_of(&key(*n), 7, 3) != arm_of(&key(*n), 8, 3)).count();
        assert!((18_000..22_000).contains(&moved), "another seed splits them differently: {moved}");
        assert_eq!(arm_of(&key(1), 0, 0), None);
    }

    #[test]
    fn strategies_change_while_they_are_used_and_a_switch_is_not_overruled() {
        let strategies = Strategies::default();
        let short = Policy { lifetime: Duration::from_secs(5), ..Prefix::Settings.policy() };
        let arms = vec![Arm { policy: short, counters: Arc::default() }];
        let experiment = PrefixStrategy { policy: Prefix::Settings.policy(), seed: 1, arms };
        strategies.put(Prefix::Settings, experiment.clone());
        assert_eq!(strategies.of(&key(1)).policy, short);
        assert!(strategies.of(&key(1)).arm.is_some());
        let off = Policy { tiers: Tiers::Off, ..short };
        let strategies = Strategies::new(Prefix::ALL.map(|_| off));
        strategies.put(Prefix::Settings, experiment);
        assert_eq!(strategies.of(&key(1)).policy.tiers, Tiers::Off);
    }
}
