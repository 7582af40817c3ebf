use std::sync::Arc;

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Cache, CacheKey, Freshness, Mark, Prefix, Subject, Tiers,
    fetch::{Fetched, Inner, note, value_of},
};
use crate::{meter::CacheOutcome, models::Timestamp, ports::Unavailable};

/// Where the things of a prefix come from.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Names one of them.
    type Id: Clone + Send + Sync + 'static;
    /// The thing.
    type Value: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Which kind they are.
    const PREFIX: Prefix;

    /// The entry's name.
    fn key(&self, id: &Self::Id) -> CacheKey;

    /// What the value depends on, beyond its own name and its prefix.
    fn subjects(&self, id: &Self::Id, value: &Self::Value) -> Vec<Subject>;

    /// Whether the tier that servers share may keep it. Not where whoever asks could fill that tier with what nobody else will ask for: what is kept there counts
    /// for all, and stays for its lifetime.
    fn is_shared(&self, _id: &Self::Id) -> bool {
        true
    }

    /// Asks for it. `None` when there is no such thing.
    async fn load(&self, id: &Self::Id) -> Result<Option<Self::Value>, Unavailable>;
}

/// Reads things through the cache.
///
/// 1. Fresh in memory: the answer, and, when it begins to age, a load behind it.
/// 2. Stale but usable: the answer, and a load behind it.
/// 3. Otherwise once for all who ask (natively): the shared tier is asked, then the source; the answer doesn't wait for the shared tier to be filled.
/// 4. The source away: an entry past its lifetime, if the policy allows one.
///
/// Invariant: a read that begins after [`Cache::invalidate`] has returned is never answered with what was loaded before, by whatever way.
pub struct ReadThrough<S: Source> {
    pub(super) inner: Arc<Inner<S>>,
}

impl<S: Source> Clone for ReadThrough<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

/// When a load began: in the order of invalidations, and by the clock. Taken before anybody is asked.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    pub(super) mark: Mark,
    pub(super) at: Timestamp,
}

impl<S: Source> ReadThrough<S> {
    /// Reads from `source` through `cache`.
    pub fn new(cache: Arc<Cache>, source: S) -> Self {
        Self { inner: Arc::new(Inner { cache, source, flights: Arc::default() }) }
    }

    /// The cache that is read through.
    #[must_use]
    pub fn cache(&self) -> &Arc<Cache> {
        &self.inner.cache
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.inner.source
    }

    /// What memory can answer with at `now` without waiting for anybody: `Some(None)` when it is known that there is no such thing. Counted as the
    /// read it is.
    #[must_use]
    pub fn peek(&self, id: &S::Id, now: Timestamp) -> Option<Option<Arc<S::Value>>> {
        let inner = &self.inner;
        let key = inner.source.key(id);
        let strategy = inner.cache.strategies.of(&key);
        let (entry, freshness) = inner.in_memory(&key, &strategy, now)?;
        let stale = match freshness {
            Freshness::Fresh | Freshness::Ageing => false,
            Freshness::Stale => true,
            Freshness::LastResort | Freshness::Dead => return None,
        };
        let value = value_of::<S>(&entry)?;
        let counters = inner.cache.counters(S::PREFIX);
        let age = now.since(entry.loaded_at);
        if value.is_none() {
            counters.negative();
        } else {
            counters.memory.answered(stale, age, entry.load_time);
        }
        if let Some(arm) = &strategy.arm {
            arm.hit(age);
        }
        note(if stale { CacheOutcome::Stale } else { CacheOutcome::Hit });
        if freshness != Freshness::Fresh {
            self.load_behind(id);
        }
        Some(value)
    }

    /// The thing, by the story above. `None` when there is no such thing.
    pub async fn get(&self, id: &S::Id) -> Result<Option<Arc<S::Value>>, Unavailable> {
        let inner = &self.inner;
        if let Some(value) = self.peek(id, inner.cache.clock.now()) {
            return Ok(value);
        }
        let key = inner.source.key(id);
        let strategy = inner.cache.strategies.of(&key);
        if strategy.policy.tiers == Tiers::Off {
            return inner.uncached(id, &strategy).await;
        }
        let mark = inner.cache.fence.mark();
        let mut outcome = if inner.cache.single_flight {
            let fly = || Arc::clone(inner).fetch(id.clone(), key, false);
            inner.flights.join(key, fly).await
        } else {
            Arc::clone(inner).fetch(id.clone(), key, false).await
        };
        // A flight that was under way before this read began may carry what was dropped in between.
        let outrun = |fetched: &Fetched<S::Value>| {
            fetched.mark < mark && !inner.cache.fence.admits(fetched.mark, &fetched.subjects)
        };
        if outcome.as_ref().is_ok_and(|fetched| outrun(fetched)) {
            outcome = Arc::clone(inner).fetch(id.clone(), key, false).await;
        }
        inner.count(&strategy, &outcome);
        outcome.map(|fetched| fetched.value.clone())
    }

    /// Whether memory has a fresh answer at `now`, without counting it as a read.
    #[must_use]
    pub fn has(&self, id: &S::Id, now: Timestamp) -> bool {
        let key = self.inner.source.key(id);
        let strategy = self.inner.cache.strategies.of(&key);
        let found = self.inner.in_memory(&key, &strategy, now);
        found.is_some_and(|(_, freshness)| freshness == Freshness::Fresh)
    }

    /// Loads it in the background, unless that is under way.
    pub fn load_behind(&self, id: &S::Id) {
        let inner = Arc::clone(&self.inner);
        let key = inner.source.key(id);
        let Some(token) = inner.flights.begin_refresh(key, inner.cache.clock.now()) else { return };
        inner.cache.counters(S::PREFIX).refreshed();
        let (id, background) = (id.clone(), Arc::clone(&inner.cache.background));
        background.run(Box::pin(async move {
            // A failure was counted and told; the entry at hand is used on for as long as its policy says.
            let _ = inner.fetch(id, key, true).await;
            drop(token);
        }));
    }
}
