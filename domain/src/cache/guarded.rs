use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    CacheKey, Prefix, Subject,
    breaker::{Breaker, Change},
    finishing::Finishing,
};
use crate::ports::{
    Background, Clock, Notice, Notices, SharedAnswer, SharedCache, SharedEntry, SharedMark, SharedStatistics,
    Unavailable, within,
};

/// A tier that takes longer is done without: what it saves is worth less than the wait.
const TIME_LIMIT: Duration = Duration::from_millis(50);

/// Calls a shared tier so that it can never hold up or fail a request.
pub(super) struct Guarded {
    pub(super) tier: Arc<dyn SharedCache>,
    clock: Arc<dyn Clock>,
    background: Arc<dyn Background>,
    notices: Arc<dyn Notices>,
    breaker: Breaker,
    /// Calls that were given up after their time limit.
    pub(super) given_up: AtomicU64,
    /// Calls that failed by themselves.
    pub(super) failed: AtomicU64,
    /// Calls that were not made because the tier was left alone.
    pub(super) skipped: AtomicU64,
}

impl Guarded {
    pub(super) fn new(
        tier: Arc<dyn SharedCache>,
        clock: Arc<dyn Clock>,
        background: Arc<dyn Background>,
        notices: Arc<dyn Notices>,
    ) -> Self {
        Self {
            tier,
            clock,
            background,
            notices,
            breaker: Breaker::default(),
            given_up: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }
    }

    pub(super) fn is_left_alone(&self) -> bool {
        self.breaker.is_open()
    }

    pub(super) async fn get(&self, key: &CacheKey) -> Option<SharedAnswer> {
        self.call(self.tier.get(key)).await
    }

    pub(super) async fn set(
        &self,
        key: &CacheKey,
        entry: &SharedEntry,
        mark: SharedMark,
        keep_for: Duration,
    ) -> Option<bool> {
        self.call(self.tier.set(key, entry, mark, keep_for)).await
    }

    pub(super) async fn statistics(&self) -> Option<SharedStatistics> {
        self.call(self.tier.statistics()).await
    }

    /// Tells the tier to drop, also while it is left alone: it remembers what it can't deliver.
    pub(super) async fn delete(&self, keys: Vec<CacheKey>, subjects: Vec<Subject>) {
        let tier = Arc::clone(&self.tier);
        self.tell(async move { tier.delete(&keys, &subjects).await }).await;
    }

    /// The same for everything of a prefix.
    pub(super) async fn clear(&self, prefix: Prefix) {
        let tier = Arc::clone(&self.tier);
        self.tell(async move { tier.clear(prefix).await }).await;
    }

    /// Waits for as long as any call, and leaves the rest to the background.
    async fn tell(&self, work: impl Future<Output = Result<(), Unavailable>> + Send + 'static) {
        let work = Finishing::new(Arc::clone(&self.background), work);
        let outcome = within(&*self.clock, TIME_LIMIT, work).await;
        self.judge(outcome.unwrap_or_else(|| Err(self.too_slow())));
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, Unavailable>> + Send) -> Option<T> {
        if !self.breaker.allows(self.clock.now()) {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let outcome = within(&*self.clock, TIME_LIMIT, call).await;
        self.judge(outcome.unwrap_or_else(|| Err(self.too_slow())))
    }

    fn too_slow(&self) -> Unavailable {
        self.given_up.fetch_add(1, Ordering::Relaxed);
        Unavailable::new(self.tier.name(), format!("no answer within {} ms", TIME_LIMIT.as_millis()))
    }

    fn judge<T>(&self, outcome: Result<T, Unavailable>) -> Option<T> {
        let tier = self.tier.name();
        match outcome {
            Ok(value) => {
                if self.breaker.succeeded() == Change::Closed {
                    self.notices.tell(Notice::CacheBack { tier });
                }
                Some(value)
            }
            Err(cause) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                if self.breaker.failed(self.clock.now()) == Change::Opened {
                    self.notices.tell(Notice::CacheLeftAlone { tier, detail: cause.detail });
                }
                None
            }
        }
    }
}
