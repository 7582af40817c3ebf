use std::{any::Any, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    Cache, CacheKey, Freshness, Mark, Policy, ReadThrough, Source, Subject, flights::Flights, read::Begun,
    strategies::Strategy,
};
use crate::{
    meter::{self, CacheOutcome},
    models::Timestamp,
    ports::{LocalEntry, SharedEntry, SharedMark, Unavailable, within},
};

/// How long a load may take when there is an entry past its lifetime to answer with instead.
const WITH_FALLBACK: Duration = Duration::from_millis(500);
/// How long it may take when there is nothing: a source that hangs is told as unavailable before clients give up.
const WITHOUT_FALLBACK: Duration = Duration::from_secs(6);

/// What a read came to.
pub(super) struct Fetched<V> {
    pub(super) value: Option<Arc<V>>,
    pub(super) mark: Mark,
    pub(super) subjects: Vec<Subject>,
    from: Origin,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    Shared { stale: bool, age: Duration, saved: Duration },
    Source,
    LastResort { age: Duration },
}

/// What the shared tier said.
struct FromShared<V> {
    mark: Option<SharedMark>,
    found: Option<(Fetched<V>, Freshness)>,
}

/// Whether something from the shared tier answers a read, or saves a refresh its load.
const fn usable(freshness: Freshness, refresh: bool) -> bool {
    match freshness {
        Freshness::Fresh => true,
        Freshness::Ageing | Freshness::Stale => !refresh,
        Freshness::LastResort | Freshness::Dead => false,
    }
}

pub(super) type Outcome<V> = Result<Arc<Fetched<V>>, Unavailable>;

/// What all clones of a [`ReadThrough`] share.
pub(super) struct Inner<S: Source> {
    pub(super) cache: Arc<Cache>,
    pub(super) source: S,
    pub(super) flights: Arc<Flights<Outcome<S::Value>>>,
}

impl<S: Source> Inner<S> {
    pub(super) fn in_memory(
        &self,
        key: &CacheKey,
        strategy: &Strategy,
        now: Timestamp,
    ) -> Option<(Arc<LocalEntry>, Freshness)> {
        if !strategy.policy.tiers.memory() {
            return None;
        }
        let entry = self.cache.local.get(key)?;
        if !self.cache.holds(&entry, now) {
            return None;
        }
        let freshness = strategy.policy.freshness(key, entry.loaded_at, now, entry.value.is_some());
        Some((entry, freshness))
    }

    /// Asks the shared tier, then the source. A refresh takes from the shared tier only what is not ageing itself.
    pub(super) fn fetch(
        self: Arc<Self>,
        id: S::Id,
        key: CacheKey,
        refresh: bool,
    ) -> BoxFuture<'static, Outcome<S::Value>> {
        async move {
            let strategy = self.cache.strategies.of(&key);
            let begun = Begun { mark: self.cache.fence.mark(), at: self.cache.clock.now() };
            let shared = if self.source.is_shared(&id) {
                self.ask_shared(&key, &strategy, begun).await
            } else {
                FromShared { mark: None, found: None }
            };
            if let Some((fetched, freshness)) = shared.found
                && usable(freshness, refresh)
            {
                if freshness != Freshness::Fresh {
                    ReadThrough { inner: Arc::clone(&self) }.load_behind(&id);
                }
                return Ok(Arc::new(fetched));
            }
            // What was found there is in memory by now, if it is good for anything.
            let last_resort = self.last_resort(&key, &strategy, begun.at);
            match last_resort {
                Some(fetched) if !refresh && self.cache.is_away(S::PREFIX, begun.at) => {
                    ReadThrough { inner: Arc::clone(&self) }.load_behind(&id);
                    Ok(Arc::new(fetched))
                }
                last_resort => match self.load(&id, &strategy, last_resort.is_some()).await {
                    Ok(loaded) => {
                        Ok(Arc::new(self.keep(&id, key, loaded, begun, shared.mark, strategy.policy)))
                    }
                    Err(cause) => last_resort.map(Arc::new).ok_or(cause),
                },
            }
        }
        .boxed()
    }

    /// Reads the shared tier, and keeps in memory what it finds there.
    async fn ask_shared(&self, key: &CacheKey, strategy: &Strategy, begun: Begun) -> FromShared<S::Value> {
        let nothing = FromShared { mark: None, found: None };
        let tiers = strategy.policy.tiers;
        let Some(shared) = self.cache.shared.as_ref().filter(|_| tiers.shared()) else { return nothing };
        let Some(answer) = shared.get(key).await else { return nothing };
        let read = |entry: SharedEntry| {
            let freshness = strategy.policy.freshness(key, entry.loaded_at, begun.at, entry.value.is_some());
            let fetched = (freshness != Freshness::Dead)
                .then(|| self.take_shared(*key, &entry, begun, freshness, strategy))
                .flatten()?;
            Some((fetched, freshness))
        };
        FromShared { mark: Some(answer.mark), found: answer.entry.and_then(read) }
    }

    /// What there is to answer with if the source can't be asked.
    fn last_resort(&self, key: &CacheKey, strategy: &Strategy, now: Timestamp) -> Option<Fetched<S::Value>> {
        let policy = &strategy.policy;
        if !policy.tiers.memory() || policy.stale_when_away.is_zero() {
            return None;
        }
        let entry = self.cache.local.get(key)?;
        // Whether others are heard is not asked here: with the source away as well, nobody could say what they dropped.
        let dropped = !self.cache.fence.admits(entry.mark, &entry.subjects);
        let freshness = policy.freshness(key, entry.loaded_at, now, entry.value.is_some());
        (!dropped && freshness != Freshness::Dead && entry.value.is_some()).then(|| Fetched {
            value: value_of::<S>(&entry).flatten(),
            mark: entry.mark,
            subjects: entry.subjects.clone(),
            from: Origin::LastResort { age: now.since(entry.loaded_at) },
        })
    }

    fn take_shared(
        &self,
        key: CacheKey,
        entry: &SharedEntry,
        begun: Begun,
        freshness: Freshness,
        strategy: &Strategy,
    ) -> Option<Fetched<S::Value>> {
        let value = match &entry.value {
            None => None,
            // What another version wrote and this one can't read is as good as not there.
            Some(json) => Some(Arc::new(serde_json::from_slice::<S::Value>(json).ok()?)),
        };
        if strategy.policy.tiers.memory() {
            let bytes = entry.value.as_ref().map_or(0, Vec::len);
            let loaded = Begun { mark: begun.mark, at: entry.loaded_at };
            self.keep_in_memory(key, value.clone(), entry.subjects.clone(), loaded, entry.load_time, bytes);
        }
        let age = begun.at.since(entry.loaded_at);
        let from = match freshness {
            Freshness::LastResort | Freshness::Dead => Origin::LastResort { age },
            _ => Origin::Shared { stale: freshness == Freshness::Stale, age, saved: entry.load_time },
        };
        Some(Fetched { value, mark: begun.mark, subjects: entry.subjects.clone(), from })
    }

    /// Asks the source; not for long where there is something else to answer with.
    async fn load(
        &self,
        id: &S::Id,
        strategy: &Strategy,
        has_fallback: bool,
    ) -> Result<(Option<S::Value>, Duration), Unavailable> {
        let began = self.cache.clock.now();
        let counters = self.cache.counters(S::PREFIX);
        let limit = if has_fallback { WITH_FALLBACK } else { WITHOUT_FALLBACK };
        let outcome = within(&*self.cache.clock, limit, self.source.load(id)).await;
        let outcome = outcome.unwrap_or_else(|| Err(Unavailable::new("storage", "no answer in time")));
        match outcome {
            Ok(value) => {
                let took = self.cache.clock.now().since(began);
                counters.loaded(took);
                if let Some(arm) = &strategy.arm {
                    arm.loaded(took);
                }
                self.cache.source_answered(S::PREFIX);
                Ok((value, took))
            }
            Err(cause) => {
                counters.failed();
                if let Some(arm) = &strategy.arm {
                    arm.failed();
                }
                self.cache.source_failed(S::PREFIX, &cause.detail);
                Err(cause)
            }
        }
    }

    /// Keeps what was loaded where its policy says.
    fn keep(
        self: &Arc<Self>,
        id: &S::Id,
        key: CacheKey,
        (value, took): (Option<S::Value>, Duration),
        begun: Begun,
        shared_mark: Option<SharedMark>,
        policy: Policy,
    ) -> Fetched<S::Value> {
        let value = value.map(Arc::new);
        let subjects = self.subjects(id, &key, value.as_deref());
        let worth = value.is_some() || !policy.negative.is_zero();
        if worth && (policy.tiers.memory() || shared_mark.is_some()) {
            let json = value.as_deref().and_then(|value| serde_json::to_vec(value).ok());
            let bytes = json.as_ref().map_or(0, Vec::len);
            if policy.tiers.memory() {
                self.keep_in_memory(key, value.clone(), subjects.clone(), begun, took, bytes);
            }
            // That there is no such thing is kept in memory alone: it is short-lived, and whoever asks for made-up things shall not fill what servers share.
            if let (Some(mark), Some(json)) = (shared_mark, json) {
                let entry = SharedEntry {
                    value: Some(json),
                    subjects: subjects.clone(),
                    loaded_at: begun.at,
                    load_time: took,
                };
                self.share(key, entry, mark, policy.keep_for(true));
            }
        }
        Fetched { value, mark: begun.mark, subjects, from: Origin::Source }
    }

    /// Fills the shared tier behind the answer.
    fn share(self: &Arc<Self>, key: CacheKey, entry: SharedEntry, mark: SharedMark, keep_for: Duration) {
        let inner = Arc::clone(self);
        self.cache.background.run(Box::pin(async move {
            let Some(shared) = &inner.cache.shared else { return };
            if shared.set(&key, &entry, mark, keep_for).await == Some(false) {
                inner.cache.counters(S::PREFIX).fenced();
            }
        }));
    }

    pub(super) fn subjects(&self, id: &S::Id, key: &CacheKey, value: Option<&S::Value>) -> Vec<Subject> {
        let mut subjects = vec![key.subject(), Subject::all_of(S::PREFIX)];
        if let Some(value) = value {
            subjects.extend(self.source.subjects(id, value));
        }
        subjects
    }

    pub(super) fn keep_in_memory(
        &self,
        key: CacheKey,
        value: Option<Arc<S::Value>>,
        subjects: Vec<Subject>,
        begun: Begun,
        load_time: Duration,
        bytes: usize,
    ) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Begun { mark, at: loaded_at } = begun;
        // It would be dead on arrival, and might stand where something newer stands already.
        if !self.cache.fence.admits(mark, &subjects) {
            return self.cache.counters(S::PREFIX).fenced();
        }
        self.cache.counters(S::PREFIX).kept(u64::from(bytes));
        let value = value.map(|value| value as Arc<dyn Any + Send + Sync>);
        self.cache
            .local
            .set(key, Arc::new(LocalEntry { value, mark, subjects, loaded_at, load_time, bytes }));
    }

    /// Asks the source for everybody apart: the cache is off.
    pub(super) async fn uncached(
        &self,
        id: &S::Id,
        strategy: &Strategy,
    ) -> Result<Option<Arc<S::Value>>, Unavailable> {
        let (value, _) = self.load(id, strategy, false).await?;
        if let Some(arm) = &strategy.arm {
            arm.missed();
        }
        Ok(value.map(Arc::new))
    }

    /// Counts a read that had to wait.
    pub(super) fn count(&self, strategy: &Strategy, outcome: &Outcome<S::Value>) {
        let counters = self.cache.counters(S::PREFIX);
        let origin = outcome.as_ref().map_or(Origin::Source, |fetched| fetched.from);
        let exists = outcome.as_ref().is_ok_and(|fetched| fetched.value.is_some());
        let (outcome, age) = match origin {
            Origin::Shared { stale, age, saved } => {
                if exists {
                    counters.shared.answered(stale, age, saved);
                } else {
                    counters.negative();
                }
                (if stale { CacheOutcome::Stale } else { CacheOutcome::Hit }, Some(age))
            }
            Origin::LastResort { age } => {
                counters.last_resort();
                (CacheOutcome::Stale, Some(age))
            }
            Origin::Source => {
                counters.missed();
                (CacheOutcome::Miss, None)
            }
        };
        note(outcome);
        if let Some(arm) = &strategy.arm {
            match age {
                Some(age) => arm.hit(age),
                None => arm.missed(),
            }
        }
    }
}

/// The value of an entry; the outer `None` when it is of another type than was asked for, which makes it useless.
#[expect(clippy::option_option, reason = "no entry of this type, or one that says there is no such thing")]
pub(super) fn value_of<S: Source>(entry: &LocalEntry) -> Option<Option<Arc<S::Value>>> {
    match &entry.value {
        None => Some(None),
        Some(value) => Arc::clone(value).downcast::<S::Value>().ok().map(Some),
    }
}

pub(super) fn note(outcome: CacheOutcome) {
    if let Some(meter) = meter::current() {
        meter.note_cache(outcome);
    }
}
