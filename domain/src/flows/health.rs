use std::{sync::Arc, time::Duration};

use super::shared::Kept;
use crate::{
    models::Timestamp,
    ports::{Clock, Storage, Unavailable},
};

/// How long what was seen before is told while somebody looks anew: longer than storage that hangs makes one wait before it counts as away.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// Storage that hasn't answered for so long when whoever asked goes away is told to be away. Monitors are less patient than connections.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether what the service needs can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether storage answered.
    pub storage: bool,
}

/// Looks at what the service needs, and keeps what it saw for a few seconds, so that many monitors cost one look.
pub struct Health {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is looked at.
    pub storage: Arc<dyn Storage>,
    /// What was seen last.
    pub kept: Kept<HealthReport>,
}

impl Health {
    /// What was seen in the last few seconds, or a fresh look. While one request looks anew, others are told what was seen before: storage that is slow to
    /// answer must not be asked by as many as there are monitors. Requests that come together when nothing was seen yet, or nothing for a while, each look.
    pub async fn report(&self) -> HealthReport {
        let began = self.clock.now();
        if let Some(kept) = self.kept.get_or_begin(began, LOOK_LIMIT) {
            return kept;
        }
        let mut look = Look { health: self, began, seen: None };
        let report = HealthReport { storage: self.storage.ping().await.is_ok() };
        look.seen = Some(report);
        report
    }

    /// Whether traffic may come: always a fresh look.
    pub async fn ready(&self) -> Result<(), Unavailable> {
        self.storage.ping().await
    }
}

/// A look that is under way. It keeps what was seen when it ends, also by being dropped because its request went away.
struct Look<'a> {
    health: &'a Health,
    began: Timestamp,
    seen: Option<HealthReport>,
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let Self { health: Health { clock, kept, .. }, began, seen } = self;
        let now = clock.now();
        let hung = (now.since(*began) >= PATIENCE).then_some(HealthReport { storage: false });
        match seen.or(hung) {
            Some(report) => kept.put(now, report),
            None => kept.give_up(*began),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        pin::pin,
        sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
        task::{Context, Poll, Waker},
    };

    use async_trait::async_trait;

    use super::*;
    use crate::{
        flows::testing::clock,
        ports::{MockClock, MockStorage},
    };

    /// A time that is set, and storage that takes some of it.
    #[derive(Default)]
    struct Scene {
        seconds: AtomicI64,
        takes: AtomicI64,
        pings: AtomicUsize,
    }

    /// Longer than anybody waits for.
    const FOREVER: i64 = i64::MAX;

    struct Slow(Arc<Scene>);

    #[async_trait]
    impl Storage for Slow {
        async fn ping(&self) -> Result<(), Unavailable> {
            self.0.pings.fetch_add(1, Relaxed);
            match self.0.takes.load(Relaxed) {
                0 => return Ok(()),
                FOREVER => pending().await,
                seconds => {
                    tokio::task::yield_now().await;
                    self.0.seconds.fetch_add(seconds, Relaxed);
                }
            }
            Err(Unavailable::new("storage", "it hangs"))
        }

        async fn purge_expired(&self, _now: Timestamp, _at_most: u32) -> Result<u64, Unavailable> {
            unreachable!("nobody asks for it")
        }
    }

    fn scene() -> (Arc<Scene>, Health) {
        let scene = Arc::new(Scene::default());
        let (time, mut clock) = (Arc::clone(&scene), MockClock::new());
        clock.expect_now().returning(move || Timestamp::from_seconds(100 + time.seconds.load(Relaxed)));
        let storage = Arc::new(Slow(Arc::clone(&scene)));
        (scene, Health { clock: Arc::new(clock), storage, kept: Kept::new(Duration::from_secs(5)) })
    }

    #[tokio::test]
    async fn storage_that_hangs_is_asked_by_one_at_a_time_and_kept_from_when_that_is_known() {
        let (scene, health) = scene();
        assert!(health.report().await.storage);
        scene.takes.store(5, Relaxed);
        scene.seconds.store(6, Relaxed);
        let (first, second, third) = tokio::join!(health.report(), health.report(), health.report());
        assert_eq!([first, second, third].map(|report| report.storage), [false, true, true]);
        assert_eq!(scene.seconds.load(Relaxed), 11);
        for seconds in 11..16 {
            scene.seconds.store(seconds, Relaxed);
            assert!(!health.report().await.storage);
        }
        assert_eq!(scene.pings.load(Relaxed), 2);
    }

    #[tokio::test]
    async fn a_monitor_that_goes_away_leaves_no_herd_and_no_old_news() {
        let (scene, health) = scene();
        assert!(health.report().await.storage);
        scene.takes.store(FOREVER, Relaxed);
        let mut waiting = Context::from_waker(Waker::noop());
        for (waits, then) in [(0, None), (2, Some(false))] {
            scene.seconds.store(6, Relaxed);
            {
                let mut look = pin!(health.report());
                assert!(look.as_mut().poll(&mut waiting).is_pending());
                scene.seconds.fetch_add(waits, Relaxed);
                assert!(health.report().await.storage, "another one is told what was");
            }
            let told = match pin!(health.report()).as_mut().poll(&mut waiting) {
                Poll::Ready(report) => Some(report.storage),
                Poll::Pending => None,
            };
            assert_eq!(told, then, "after {waits} s");
        }
    }

    fn flow(lifetime: Duration, pings: usize) -> Health {
        let mut storage = MockStorage::new();
        storage.expect_ping().times(pings).returning(|| Ok(()));
        Health { clock: clock(), storage: Arc::new(storage), kept: Kept::new(lifetime) }
    }

    #[tokio::test]
    async fn many_monitors_cost_one_look() {
        let health = flow(Duration::from_secs(5), 1);
        assert!(health.report().await.storage);
        assert!(health.report().await.storage);
    }

    #[tokio::test]
    async fn readiness_is_never_kept() {
        let health = flow(Duration::from_secs(5), 2);
        health.ready().await.unwrap();
        health.ready().await.unwrap();
    }
}
