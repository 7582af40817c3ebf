//! What was taken and is still to be written: bounded, found by person, and tried in an order in which no record can hold up the
//! others for good.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

use portico_domain::models::{Fact, UserId};

/// The most records written in one step.
const LARGEST_BATCH: usize = 64;
/// After so many steps that went well the records that were passed over are tried again.
const STEPS_PAST_REFUSED: u32 = 8;
/// So many records are tried one by one, from the first, before the first is tried again: when none of them can be written, storage is away.
const PROBED: u32 = 8;

/// Facts to be written in one step, with the numbers of their records.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub(super) numbers: Vec<u64>,
    pub(super) facts: Vec<Fact>,
}

/// The records in the order in which they were taken, and how the next step is chosen.
///
/// A step takes many records. When it fails, the next takes half as many, down to one; when one alone fails, the step after it begins
/// behind it. A record that storage never takes is thus passed over and tried again now and then, while those behind it are written.
#[derive(Default)]
pub(super) struct Backlog {
    records: BTreeMap<u64, Vec<Fact>>,
    by_user: HashMap<UserId, BTreeSet<u64>>,
    facts: usize,
    step: usize,
    passed: Option<u64>,
    failed_alone: u32,
    steps_since_passed: u32,
}

impl Backlog {
    pub(super) fn add(&mut self, number: u64, facts: Vec<Fact>) {
        self.facts += facts.len();
        for fact in &facts {
            self.by_user.entry(fact.user_id()).or_default().insert(number);
        }
        self.records.insert(number, facts);
    }

    /// How many facts are still to be written.
    pub(super) const fn facts(&self) -> usize {
        self.facts
    }

    /// The facts about one person, oldest first.
    pub(super) fn about(&self, user: UserId) -> Vec<Fact> {
        let Some(numbers) = self.by_user.get(&user) else { return Vec::new() };
        let records = numbers.iter().filter_map(|number| self.records.get(number));
        records.flatten().filter(|fact| fact.user_id() == user).cloned().collect()
    }

    /// Every record, oldest first.
    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &Vec<Fact>)> {
        self.records.iter().map(|(number, facts)| (*number, facts))
    }

    /// What to write in the next step; `None` when nothing is left.
    pub(super) fn next_batch(&mut self) -> Option<Batch> {
        let room = if self.step == 0 { LARGEST_BATCH } else { self.step };
        let mut batch = self.batch_behind(self.passed, room);
        if batch.numbers.is_empty() {
            self.passed = None;
            batch = self.batch_behind(None, room);
        }
        (!batch.numbers.is_empty()).then_some(batch)
    }

    fn batch_behind(&self, passed: Option<u64>, room: usize) -> Batch {
        let from = passed.map_or(Unbounded, Excluded);
        let mut batch = Batch { numbers: Vec::new(), facts: Vec::new() };
        for (number, facts) in self.records.range((from, Unbounded)).take(room) {
            batch.numbers.push(*number);
            batch.facts.extend_from_slice(facts);
        }
        batch
    }

    /// Forgets what was written.
    pub(super) fn written(&mut self, batch: &Batch) {
        for number in &batch.numbers {
            let Some(facts) = self.records.remove(number) else { continue };
            self.facts -= facts.len();
            for fact in facts {
                if let Some(numbers) = self.by_user.get_mut(&fact.user_id()) {
                    numbers.remove(number);
                    if numbers.is_empty() {
                        self.by_user.remove(&fact.user_id());
                    }
                }
            }
        }
        self.failed_alone = 0;
        self.step = (batch.numbers.len() * 2).clamp(1, LARGEST_BATCH);
        if self.passed.is_some() {
            self.steps_since_passed += 1;
            if self.steps_since_passed >= STEPS_PAST_REFUSED {
                self.passed = None;
            }
        }
    }

    /// Chooses the next step after one that failed.
    pub(super) fn failed(&mut self, batch: &Batch) {
        let [number] = batch.numbers[..] else {
            self.step = (batch.numbers.len() / 2).max(1);
            return;
        };
        self.step = 1;
        self.failed_alone += 1;
        self.steps_since_passed = 0;
        self.passed = Some(number);
        if self.failed_alone >= PROBED {
            self.failed_alone = 0;
            self.passed = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::models::Timestamp;

    use super::*;

    fn fact(user: u8) -> Fact {
        let at = Timestamp::from_seconds(1_790_000_000);
        Fact::SignedIn { user_id: UserId::generate(at, [user; 10]), at }
    }

    fn backlog(records: u64) -> Backlog {
        let mut backlog = Backlog::default();
        for number in 1..=records {
            backlog.add(number, vec![fact(u8::try_from(number % 7).unwrap())]);
        }
        backlog
    }

    /// Writes all it can with a storage that refuses `refused`, and says which numbers it wrote, in order.
    fn drain(backlog: &mut Backlog, refused: &[u64], steps: usize) -> Vec<u64> {
        let mut order = Vec::new();
        for _ in 0..steps {
            let Some(batch) = backlog.next_batch() else { break };
            if batch.numbers.iter().any(|number| refused.contains(number)) {
                backlog.failed(&batch);
            } else {
                order.extend(&batch.numbers);
                backlog.written(&batch);
            }
        }
        order
    }

    #[test]
    fn is_written_in_order_and_in_large_steps() {
        let mut backlog = backlog(1_000);
        assert_eq!(drain(&mut backlog, &[], 16), (1..=1_000).collect::<Vec<_>>());
        assert_eq!(backlog.facts(), 0);
        assert!(backlog.by_user.is_empty());
        assert_eq!(backlog.next_batch(), None);
    }

    #[test]
    fn records_that_storage_never_takes_hold_up_nobody() {
        let mut backlog = backlog(1_000);
        let refused = [1, 2, 3, 500, 1_000];
        let mut written = drain(&mut backlog, &refused, 500);
        written.sort_unstable();
        let expected: Vec<u64> = (1..=1_000).filter(|number| !refused.contains(number)).collect();
        assert_eq!(written, expected);
        assert_eq!(backlog.facts(), refused.len());
        assert_eq!(drain(&mut backlog, &[], 50).len(), refused.len(), "they are tried again");
    }

    #[test]
    fn facts_are_found_by_person_until_they_are_written() {
        let mut backlog = backlog(14);
        let Fact::SignedIn { user_id, .. } = fact(3) else { unreachable!() };
        assert_eq!(backlog.about(user_id), [fact(3), fact(3)]);
        drain(&mut backlog, &[], 10);
        assert_eq!(backlog.about(user_id), []);
    }
}
