use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use async_trait::async_trait;
use portico_domain::models::OrganizationId;
use tokio::task::{LocalSet, spawn_local};

use super::*;

/// A storage that refuses as often as it is told to, loses answers, and adds each batch once.
#[derive(Default)]
struct Uses {
    refusals: AtomicU32,
    lost_answers: AtomicU32,
    is_slow: bool,
    asked: AtomicU32,
    batches: Mutex<BTreeMap<[u8; 16], UsageBatch>>,
}

impl Uses {
    fn total(&self) -> u64 {
        self.batches.lock().unwrap().values().flat_map(|batch| &batch.uses).map(|uses| uses.uses).sum()
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

fn spend(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl KeyUsage for Uses {
    async fn add(&self, batch: &UsageBatch) -> Result<(), Unavailable> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if spend(&self.refusals) {
            return Err(Unavailable::new("storage", "away"));
        }
        if self.is_slow {
            pass(100).await;
        }
        let known = self.batches.lock().unwrap().insert(batch.id.into_bytes(), batch.clone());
        assert!(known.is_none_or(|known| known == *batch), "a batch was sent again with other uses");
        if spend(&self.lost_answers) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn of(
        &self,
        _organization: OrganizationId,
        _key: ApiKeyId,
        _since: Day,
    ) -> Result<Option<Vec<(Day, u64)>>, Unavailable> {
        Ok(None)
    }
}

/// The test's paused clock.
struct TestClock(tokio::time::Instant);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        NOW.after(self.0.elapsed())
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bytes(&self) -> Result<[u8; 32], Unavailable> {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Ok(std::array::from_fn(|place| next[place % 8]))
    }
}

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn key(n: u16) -> ApiKeyId {
    let mut random = [0; 10];
    random[8..].copy_from_slice(&n.to_be_bytes());
    ApiKeyId::generate(NOW, random)
}

fn ledger(uses: &Arc<Uses>, background: fn(Background) -> Result<(), String>) -> CoalescedUsage {
    let clock = Arc::new(TestClock(tokio::time::Instant::now()));
    CoalescedUsage::over(uses.clone(), clock, Arc::new(Counter::default()), background)
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
fn in_background(work: Background) -> Result<(), String> {
    spawn_local(work);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
fn abandoned(work: Background) -> Result<(), String> {
    drop(work);
    Ok(())
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_use_is_written_behind_its_answer_and_the_others_of_the_second_at_its_end() {
    let uses = Arc::new(Uses::default());
    LocalSet::new()
        .run_until(async {
            let ledger = ledger(&uses, in_background);
            ledger.count(key(1), NOW).unwrap();
            assert_eq!(uses.asked(), 0, "not before the answer");
            pass(1).await;
            assert_eq!((uses.asked(), uses.total()), (1, 1));
            for n in 0..900 {
                ledger.count(key(n % 3), NOW).unwrap();
                pass(1).await;
            }
            assert_eq!((uses.asked(), uses.total()), (1, 1), "within the second nothing more is written");
            pass(200).await;
            assert_eq!((uses.asked(), uses.total()), (2, 901));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn ten_busy_seconds_are_about_ten_writes_and_exact() {
    let uses = Arc::new(Uses::default());
    LocalSet::new()
        .run_until(async {
            let ledger = ledger(&uses, in_background);
            for n in 0..10_000 {
                ledger.count(key(n % 100), NOW).unwrap();
                pass(1).await;
            }
            pass(2_000).await;
            assert_eq!(uses.total(), 10_000);
            assert!(uses.asked() <= 12, "{} writes", uses.asked());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_during_a_write_needs_no_further_use_to_be_written() {
    let uses = Arc::new(Uses { is_slow: true, ..Uses::default() });
    LocalSet::new()
        .run_until(async {
            let ledger = ledger(&uses, in_background);
            for _ in 0..3 {
                ledger.count(key(1), NOW).unwrap();
                pass(50).await;
            }
            pass(2_000).await;
            assert_eq!((uses.asked(), uses.total()), (2, 3));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_refusals_count_nothing_twice() {
    let uses = Arc::new(Uses { refusals: 2.into(), lost_answers: 2.into(), ..Uses::default() });
    LocalSet::new()
        .run_until(async {
            let ledger = ledger(&uses, in_background);
            ledger.count(key(1), NOW).unwrap();
            pass(1).await;
            ledger.count(key(1), NOW).unwrap();
            pass(20_000).await;
            ledger.count(key(1), NOW).unwrap();
            pass(20_000).await;
            assert_eq!(uses.total(), 3);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_goes_before_what_comes_next() {
    let uses = Arc::new(Uses { refusals: 4.into(), ..Uses::default() });
    LocalSet::new()
        .run_until(async {
            let ledger = ledger(&uses, in_background);
            ledger.count(key(1), NOW).unwrap();
            pass(25_000).await;
            assert_eq!((uses.asked(), uses.total()), (4, 0), "given up for this time");
            ledger.count(key(1), NOW).unwrap();
            pass(1).await;
            assert_eq!(uses.total(), 2);
            let batches = uses.batches.lock().unwrap();
            assert_eq!(batches.values().map(|batch| batch.uses[0].uses).collect::<Vec<_>>(), [1, 1]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_runtime_abandoned_is_taken_along_later() {
    let uses = Arc::new(Uses::default());
    let ledger = ledger(&uses, abandoned);
    ledger.count(key(1), NOW).unwrap();
    let now = ledger.writer.clock.now();
    assert_eq!(ledger.writer.held().take(key(1), NOW, now).unwrap(), None, "somebody sees to it");
    pass(5_000).await;
    let now = ledger.writer.clock.now();
    assert_eq!(ledger.writer.held().take(key(1), NOW, now).unwrap(), Some(Duration::ZERO));
    ledger.writer.flush().await;
    assert_eq!(uses.total(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_request_to_keep_alive_a_use_waits_for_the_next() {
    let uses = Arc::new(Uses::default());
    let ledger = ledger(&uses, |_| Err("no event is being served".to_owned()));
    ledger.count(key(1), NOW).unwrap();
    ledger.count(key(1), NOW).unwrap();
    ledger.writer.flush().await;
    assert_eq!(uses.total(), 2);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_what_has_no_room_is_refused() {
    let uses = Arc::new(Uses::default());
    let ledger = ledger(&uses, abandoned);
    for n in 0..4_000 {
        ledger.count(key(n), NOW).unwrap();
    }
    assert!(ledger.count(key(4_000), NOW).is_err());
    ledger.count(key(7), NOW).unwrap();
    ledger.writer.flush().await;
    assert_eq!(uses.total(), 4_001);
    ledger.count(key(4_000), NOW).unwrap();
}
