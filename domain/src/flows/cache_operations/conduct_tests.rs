use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{testing::*, *};
use crate::{
    cache::{ArmTally, Experiment, ExperimentState, Policy, Prefix, ReadThrough, Strategies, Tiers},
    flows::testing::{NOW, clock, clock_at, entropy},
    models::{ExperimentId, PageRequest, Timestamp},
    ports::{
        ArmAdoption, ExperimentStart, Experiments, MockBackground, MockExperimentResults, MockExperiments,
        MockNotices, Notice, Unavailable,
    },
};

#[tokio::test]
async fn what_storage_says_is_put_into_force_and_what_is_seen_is_told_until_after_the_end() {
    let cache = cache();
    let mut experiments = MockExperiments::new();
    let said = [
        vec![experiment(ExperimentState::Running)],
        vec![experiment(ExperimentState::Running)],
        vec![adopted()],
    ];
    let mut said = said.into_iter().chain(std::iter::repeat(Vec::new()));
    experiments.expect_in_force().returning(move || Ok(said.next().unwrap_or_default()));
    let told: Arc<Mutex<Vec<u64>>> = Arc::default();
    let mut results = MockExperimentResults::new();
    let telling = Arc::clone(&told);
    results.expect_record().returning(move |_, records, at| {
        assert_eq!(at, NOW);
        telling.lock().unwrap().push(records.iter().map(|record| record.tally.reads).sum());
        Ok(())
    });
    let conduct = conducting(Arc::clone(&cache), experiments, results, MockNotices::new());
    let numbers = ReadThrough::new(Arc::clone(&cache), Numbers);

    conduct.run().await.unwrap();
    let id = experiment(ExperimentState::Running).id;
    assert_eq!(conduct.in_force(Prefix::Books), (Some(id), None));
    assert_eq!(cache.strategies.present(Prefix::Books).arms.len(), 2);
    assert_eq!(*told.lock().unwrap(), [0; 0], "nothing was seen yet");
    for n in 0..40 {
        assert_eq!(numbers.get(&n).await.unwrap().as_deref(), Some(&n));
    }
    conduct.run().await.unwrap();
    conduct.record().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [40], "what is not new isn't told again");
    numbers.get(&1).await.unwrap();
    conduct.run().await.unwrap();
    // What is recorded is what each arm has seen from the beginning; only the arm that saw more is told again.
    let last = *told.lock().unwrap().last().unwrap();
    assert!((1..=40).contains(&last) && told.lock().unwrap().len() == 2, "{last}");
    let present = cache.strategies.present(Prefix::Books);
    assert_eq!((present.arms.len(), present.policy.lifetime), (0, Duration::from_secs(600)));
    assert_eq!(conduct.in_force(Prefix::Books), (None, Some(id)));
    conduct.run().await.unwrap();
    assert_eq!(cache.strategies.present(Prefix::Books).policy, Prefix::Books.policy());
    assert_eq!(told.lock().unwrap().len(), 2, "of what has ended nothing more is told");
}

#[tokio::test]
async fn a_key_belongs_to_the_same_arm_on_every_server() {
    let tallies = async |reads: std::ops::Range<u32>| {
        let cache = cache();
        let mut experiments = MockExperiments::new();
        experiments.expect_in_force().returning(|| Ok(vec![experiment(ExperimentState::Running)]));
        let told: Arc<Mutex<Vec<(String, ArmTally)>>> = Arc::default();
        let mut results = MockExperimentResults::new();
        let telling = Arc::clone(&told);
        results.expect_record().returning(move |_, records, _| {
            *telling.lock().unwrap() = records.iter().map(|r| (r.arm.clone(), r.tally)).collect();
            Ok(())
        });
        let conduct = conducting(Arc::clone(&cache), experiments, results, MockNotices::new());
        conduct.run().await.unwrap();
        let numbers = ReadThrough::new(cache, Numbers);
        for n in reads {
            numbers.get(&n).await.unwrap();
        }
        conduct.run().await.unwrap();
        let told = told.lock().unwrap();
        told.iter().map(|(arm, tally)| (arm.clone(), tally.reads)).collect::<Vec<_>>()
    };
    assert_eq!(tallies(0..100).await, tallies(0..100).await);
    let [(_, off), (_, long)] = &tallies(0..1_000).await[..] else { panic!("two arms") };
    assert_eq!(off + long, 1_000);
    assert!((420..580).contains(off), "{off}");
}

#[tokio::test]
async fn what_was_asked_for_earlier_and_answered_later_is_passed_over() {
    let cache = cache();
    let slow = Arc::new(Notify::new());
    let experiments = SlowExperiments { slow: Arc::clone(&slow), calls: AtomicU32::new(0) };
    let conduct = Arc::new(ConductExperiments::new(ConductParts {
        clock: clock(),
        cache: Arc::clone(&cache),
        experiments: Arc::new(experiments),
        results: Arc::new(MockExperimentResults::new()),
        server: Arc::new(Server::new(NOW, entropy())),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(MockNotices::new()),
    }));
    let early = tokio::spawn({
        let conduct = Arc::clone(&conduct);
        async move { conduct.run().await }
    });
    tokio::task::yield_now().await;
    conduct.run().await.unwrap();
    assert!(conduct.in_force(Prefix::Books).0.is_some());
    slow.notify_one();
    early.await.unwrap().unwrap();
    assert!(conduct.in_force(Prefix::Books).0.is_some(), "the older answer ends nothing");
}

/// Answers the first question late, with what was so when it was asked: nothing.
struct SlowExperiments {
    slow: Arc<Notify>,
    calls: AtomicU32,
}

#[async_trait]
impl Experiments for SlowExperiments {
    async fn start(&self, _: &Experiment) -> Result<ExperimentStart, Unavailable> {
        Err(away())
    }

    async fn by_id(&self, _: ExperimentId) -> Result<Option<Experiment>, Unavailable> {
        Err(away())
    }

    async fn list(&self, _: PageRequest) -> Result<Vec<Experiment>, Unavailable> {
        Err(away())
    }

    async fn in_force(&self) -> Result<Vec<Experiment>, Unavailable> {
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            self.slow.notified().await;
            return Ok(Vec::new());
        }
        Ok(vec![experiment(ExperimentState::Running)])
    }

    async fn stop(&self, _: ExperimentId, _: Timestamp) -> Result<Option<Experiment>, Unavailable> {
        Err(away())
    }

    async fn adopt(&self, _: ExperimentId, _: &str, _: Timestamp) -> Result<ArmAdoption, Unavailable> {
        Err(away())
    }
}

#[tokio::test]
async fn that_storage_is_away_is_told_once_and_what_was_in_force_stays() {
    let cache = cache();
    let mut experiments = MockExperiments::new();
    let mut said = [Ok(vec![adopted()]), Err(away()), Err(away()), Ok(vec![adopted()])].into_iter();
    experiments.expect_in_force().times(4).returning(move || said.next().unwrap());
    let told: Arc<Mutex<Vec<Notice>>> = Arc::default();
    let mut notices = MockNotices::new();
    let telling = Arc::clone(&told);
    notices.expect_tell().returning(move |notice| telling.lock().unwrap().push(notice));
    let conduct = conducting(Arc::clone(&cache), experiments, MockExperimentResults::new(), notices);
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(conduct.run().await.is_ok());
        assert_eq!(cache.strategies.present(Prefix::Books).policy.lifetime, Duration::from_secs(600));
    }
    assert_eq!(outcomes, [true, false, false, true]);
    let detail = "away".to_owned();
    assert_eq!(*told.lock().unwrap(), [Notice::ExperimentsUnknown { detail }, Notice::ExperimentsKnown]);
}

#[tokio::test]
async fn behind_answers_it_is_done_once_in_ten_seconds_and_only_while_the_cache_is_used() {
    for (is_used, times) in [(true, 1), (false, 0)] {
        let mut background = MockBackground::new();
        background.expect_run().times(times).returning(drop);
        let cache = cache();
        let conduct = Arc::new(ConductExperiments::new(ConductParts {
            clock: clock_at(NOW),
            cache: Arc::clone(&cache),
            experiments: Arc::new(MockExperiments::new()),
            results: Arc::new(MockExperimentResults::new()),
            server: Arc::new(Server::new(NOW, entropy())),
            background: Arc::new(background),
            notices: Arc::new(MockNotices::new()),
        }));
        for _ in 0..5 {
            if is_used {
                cache.report().await;
            }
            conduct.run_when_due();
        }
    }
}

#[test]
fn a_prefix_that_is_switched_off_stays_off() {
    let off = Policy { tiers: Tiers::Off, ..Prefix::Books.policy() };
    let cache = cache_with(Strategies::new(Prefix::ALL.map(|_| off)));
    let conduct = conducting(
        Arc::clone(&cache),
        MockExperiments::new(),
        MockExperimentResults::new(),
        MockNotices::new(),
    );
    conduct.apply(1, &[adopted(), experiment(ExperimentState::Running)]);
    let present = cache.strategies.present(Prefix::Books);
    assert_eq!((present.policy.tiers, present.arms.len()), (Tiers::Off, 0));
}

#[tokio::test]
async fn what_runs_goes_on_with_what_it_has_seen_when_another_adoption_ends() {
    let cache = cache();
    let mut results = MockExperimentResults::new();
    results.expect_record().returning(|_, records, _| {
        assert_eq!(records.iter().map(|record| record.tally.reads).sum::<u64>(), 20);
        Ok(())
    });
    let conduct = conducting(Arc::clone(&cache), MockExperiments::new(), results, MockNotices::new());
    let running = experiment(ExperimentState::Running);
    let other = Experiment { id: ExperimentId::generate(NOW, [5; 10]), ..adopted() };
    conduct.apply(1, &[other.clone(), running.clone()]);
    assert_eq!(conduct.in_force(Prefix::Books), (Some(running.id), Some(other.id)));
    let numbers = ReadThrough::new(Arc::clone(&cache), Numbers);
    for n in 0..10 {
        numbers.get(&n).await.unwrap();
    }
    conduct.apply(2, std::slice::from_ref(&running));
    assert_eq!(conduct.in_force(Prefix::Books), (Some(running.id), None));
    assert_eq!(cache.strategies.present(Prefix::Books).policy, Prefix::Books.policy());
    for n in 0..10 {
        numbers.get(&n).await.unwrap();
    }
    conduct.record().await.unwrap();
}
