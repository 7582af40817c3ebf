use std::sync::atomic::{AtomicU32, Ordering};

use portico_domain::models::{Fact, UserId};
use tokio::task::{LocalSet, spawn_local};

use super::*;

/// A store that refuses as often as it is told to, then keeps what it is given.
#[derive(Default)]
struct Store {
    refusals: AtomicU32,
    hangs: AtomicU32,
    written: Mutex<Vec<Fact>>,
}

#[async_trait]
impl FactStore for Store {
    async fn record(&self, facts: &[Fact]) -> Result<(), Unavailable> {
        let spend = |count: &AtomicU32| {
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        };
        if spend(&self.hangs) {
            std::future::pending::<()>().await;
        }
        if spend(&self.refusals) {
            return Err(Unavailable::new("storage", "away"));
        }
        self.written.lock().unwrap().extend_from_slice(facts);
        Ok(())
    }
}

/// The test's paused clock.
struct TestClock(tokio::time::Instant);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_000).after(self.0.elapsed())
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

fn user(n: u64) -> UserId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    UserId::generate(Timestamp::from_seconds(1_000), random)
}

fn signed_in(n: u64) -> Fact {
    Fact::SignedIn { user_id: user(n), at: Timestamp::from_seconds(1_000) }
}

fn writes(store: &Arc<Store>, background: fn(Background) -> Result<(), String>) -> WaitUntilWrites {
    WaitUntilWrites::over(store.clone(), Arc::new(TestClock(tokio::time::Instant::now())), background)
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
fn in_background(work: Background) -> Result<(), String> {
    spawn_local(work);
    Ok(())
}

async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

#[tokio::test(start_paused = true)]
async fn the_hand_over_returns_before_the_write_and_the_owner_sees_what_is_pending() {
    let store = Arc::new(Store::default());
    LocalSet::new()
        .run_until(async {
            let writes = writes(&store, in_background);
            writes.hand_over(vec![signed_in(1)]).await.unwrap();
            assert!(store.written.lock().unwrap().is_empty());
            assert_eq!(writes.pending(user(1)), [signed_in(1)]);
            assert!(writes.pending(user(2)).is_empty());
            pass(Duration::from_millis(1)).await;
            assert_eq!(*store.written.lock().unwrap(), [signed_in(1)]);
            assert!(writes.pending(user(1)).is_empty());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_or_hanging_write_is_tried_again_inside_the_time_that_the_runtime_gives() {
    let store = Arc::new(Store { refusals: 2.into(), hangs: 2.into(), ..Store::default() });
    LocalSet::new()
        .run_until(async {
            let writes = writes(&store, in_background);
            writes.hand_over(vec![signed_in(1)]).await.unwrap();
            pass(Duration::from_secs(29)).await;
            assert_eq!(*store.written.lock().unwrap(), [signed_in(1)]);
            assert!(writes.pending(user(1)).is_empty());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_goes_along_with_the_next_hand_over() {
    let store = Arc::new(Store { refusals: 5.into(), ..Store::default() });
    LocalSet::new()
        .run_until(async {
            let writes = writes(&store, in_background);
            writes.hand_over(vec![signed_in(1)]).await.unwrap();
            pass(Duration::from_secs(30)).await;
            assert_eq!(writes.pending(user(1)), [signed_in(1)]);
            writes.hand_over(vec![signed_in(2)]).await.unwrap();
            pass(Duration::from_millis(1)).await;
            assert_eq!(*store.written.lock().unwrap(), [signed_in(1), signed_in(2)]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_runtime_abandoned_is_taken_along_later_but_not_sooner() {
    let store = Arc::new(Store::default());
    let writes = writes(&store, |work| {
        drop(work);
        Ok(())
    });
    writes.hand_over(vec![signed_in(1)]).await.unwrap();
    assert_eq!(writes.writer.ledger().take_in(vec![], writes.writer.clock.now()).len(), 0);
    pass(ABANDONED_AFTER).await;
    assert_eq!(writes.writer.ledger().take_in(vec![], writes.writer.clock.now()).len(), 1);
    assert_eq!(writes.pending(user(1)), [signed_in(1)]);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_the_oldest_go_first() {
    let store = Arc::new(Store::default());
    let writes = writes(&store, |work| {
        drop(work);
        Ok(())
    });
    for n in 0..=MOST_PENDING as u64 {
        writes.hand_over(vec![signed_in(n)]).await.unwrap();
    }
    assert_eq!(writes.writer.ledger().facts(), MOST_PENDING);
    assert!(writes.pending(user(0)).is_empty());
    assert_eq!(writes.pending(user(1)), [signed_in(1)]);
}
