use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde::Serialize;

use super::{
    CacheKey, Fence, Prefix, PrefixFigures, Strategies, Subject, figures::Counters, guarded::Guarded,
};
use crate::{
    models::Timestamp,
    ports::{
        Background, Clock, Hearing, LocalCache, LocalEntry, LocalStatistics, Notice, Notices, SharedCache,
        SharedStatistics,
    },
};

/// While invalidations are heard with at most this delay, memory is used for an entry's whole lifetime.
const HEARD_WITHIN: Duration = Duration::from_millis(700);
/// While they aren't, an entry is used for no longer than this, so that what was dropped elsewhere is dead here within a second all the same.
const DEAF_LIFETIME: Duration = Duration::from_millis(900);
/// After a load has failed, entries past their lifetime are answered with at once for so long, instead of waiting for the source each time.
pub(super) const AWAY_FOR: Duration = Duration::from_secs(1);

/// What the cache is built of.
pub struct CacheParts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Runs refreshes and fills behind answers.
    pub background: Arc<dyn Background>,
    /// Hears of changes.
    pub notices: Arc<dyn Notices>,
    /// The memory.
    pub local: Arc<dyn LocalCache>,
    /// The tier that servers share, where there is one.
    pub shared: Option<Arc<dyn SharedCache>>,
    /// Generations; whoever hears of others' invalidations tells them to it.
    pub fence: Arc<Fence>,
    /// The policies in force.
    pub strategies: Strategies,
    /// Whether many who want the same wait for one load. Not on Workers, where a request may not wait for another's I/O.
    pub single_flight: bool,
}

/// Both tiers, and what keeps them right: shared by all that is read through it.
pub struct Cache {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) background: Arc<dyn Background>,
    notices: Arc<dyn Notices>,
    pub(super) local: Arc<dyn LocalCache>,
    pub(super) shared: Option<Guarded>,
    pub(super) fence: Arc<Fence>,
    /// The policies in force.
    pub strategies: Strategies,
    pub(super) single_flight: bool,
    counters: [Counters; Prefix::ALL.len()],
    sources: [SourceState; Prefix::ALL.len()],
    reports: AtomicU64,
}

impl Cache {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: CacheParts) -> Arc<Self> {
        let CacheParts { clock, background, notices, local, shared, fence, strategies, single_flight } =
            parts;
        let shared = shared.map(|tier| {
            Guarded::new(tier, Arc::clone(&clock), Arc::clone(&background), Arc::clone(&notices))
        });
        Arc::new(Self {
            clock,
            background,
            notices,
            local,
            shared,
            fence,
            strategies,
            single_flight,
            counters: Default::default(),
            sources: Default::default(),
            reports: AtomicU64::new(0),
        })
    }

    /// Puts an end to entries and to everything that depends on one of `subjects`. When it returns, no read of this process answers with what was loaded before,
    /// and the shared tier has been told, or will be told before this process reads from it again.
    pub async fn invalidate(&self, keys: &[CacheKey], subjects: &[Subject]) {
        let mut subjects = subjects.to_vec();
        subjects.extend(keys.iter().map(CacheKey::subject));
        self.fence.invalidate(&subjects);
        for key in keys {
            self.local.delete(key);
            self.counters(key.prefix).invalidated();
        }
        if let Some(shared) = &self.shared {
            shared.delete(keys.to_vec(), subjects).await;
        }
    }

    /// Puts an end to everything of a prefix.
    pub async fn clear(&self, prefix: Prefix) {
        self.fence.invalidate(&[Subject::all_of(prefix)]);
        self.counters(prefix).invalidated();
        if let Some(shared) = &self.shared {
            shared.clear(prefix).await;
        }
    }

    /// Puts an end to everything, and gives back the memory that it took up.
    pub async fn clear_all(&self) {
        self.fence.invalidate(&Prefix::ALL.map(Subject::all_of));
        self.local.clear();
        for prefix in Prefix::ALL {
            self.counters(prefix).invalidated();
        }
        if let Some(shared) = &self.shared {
            join_all(Prefix::ALL.map(|prefix| shared.clear(prefix))).await;
        }
    }

    /// How often anything was read through the cache, or somebody asked how it is doing, since this process or isolate began: it grows while it is being used.
    #[must_use]
    pub fn activity(&self) -> u64 {
        self.reports.load(Ordering::Relaxed) + self.counters.iter().map(Counters::reads).sum::<u64>()
    }

    pub(super) const fn counters(&self, prefix: Prefix) -> &Counters {
        &self.counters[prefix as usize]
    }

    /// Whether an entry in memory may be used: nothing that it depends on was dropped, here or, as far as that has to be known, elsewhere.
    pub(super) fn holds(&self, entry: &LocalEntry, now: Timestamp) -> bool {
        if !self.fence.admits(entry.mark, &entry.subjects) {
            return false;
        }
        let Some(shared) = &self.shared else { return true };
        match shared.tier.hearing() {
            Hearing::Unneeded => true,
            Hearing::Until(moment) if now.since(moment) <= HEARD_WITHIN => true,
            Hearing::Until(_) | Hearing::Deaf => now.since(entry.loaded_at) <= DEAF_LIFETIME,
        }
    }

    /// Whether the source of a prefix could not be asked a moment ago.
    pub(super) fn is_away(&self, prefix: Prefix, now: Timestamp) -> bool {
        self.sources[prefix as usize].is_away(now)
    }

    pub(super) fn source_failed(&self, prefix: Prefix, detail: &str) {
        let state = &self.sources[prefix as usize];
        if state.failed(self.clock.now().after(AWAY_FOR)) {
            let prefix = prefix.as_str();
            self.notices.tell(Notice::AnsweringStale { prefix, detail: detail.to_owned() });
        }
    }

    pub(super) fn source_answered(&self, prefix: Prefix) {
        if self.sources[prefix as usize].answered() {
            self.notices.tell(Notice::AnsweringFresh { prefix: prefix.as_str() });
        }
    }

    /// What the cache has done and how it is doing, in this process or isolate.
    pub async fn report(&self) -> CacheReport {
        self.reports.fetch_add(1, Ordering::Relaxed);
        self.figures().await
    }

    /// How many entries gave way to others in memory.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.local.evicted()
    }

    /// The same as [`Cache::report`] for whoever looks all day long, which is no sign that anybody uses it.
    pub async fn figures(&self) -> CacheReport {
        let prefixes = Prefix::ALL.into_iter().map(|prefix| (prefix, self.counters(prefix).read())).collect();
        let shared = match &self.shared {
            None => None,
            Some(guarded) => Some(guarded.report().await),
        };
        CacheReport { prefixes, memory: self.local.statistics(), shared }
    }
}

/// Whether the source behind a prefix answers.
#[derive(Debug, Default)]
struct SourceState(AtomicI64);

impl SourceState {
    fn is_away(&self, now: Timestamp) -> bool {
        now.micros() < self.0.load(Ordering::Acquire)
    }

    /// Whether that is news.
    fn failed(&self, away_until: Timestamp) -> bool {
        self.0.swap(away_until.micros(), Ordering::AcqRel) == 0
    }

    /// Whether that is news.
    fn answered(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0 && self.0.swap(0, Ordering::AcqRel) != 0
    }
}

/// How the tier that servers share is doing, as this process or isolate sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedReport {
    /// Its name.
    pub name: &'static str,
    /// Whether it is left alone at present because it kept failing.
    pub left_alone: bool,
    /// Calls given up because they took too long.
    pub given_up: u64,
    /// Calls that failed, those given up among them.
    pub failed: u64,
    /// Calls not made while it was left alone.
    pub skipped: u64,
    /// Entries, where the tier can tell.
    pub entries: Option<u64>,
    /// Bytes, where the tier can tell.
    pub bytes: Option<u64>,
    /// Invalidations that are still to be delivered.
    pub undelivered: u64,
}

/// What the cache has done and how it is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheReport {
    /// By prefix.
    pub prefixes: Vec<(Prefix, PrefixFigures)>,
    /// How full the memory is.
    pub memory: LocalStatistics,
    /// The shared tier, where there is one.
    pub shared: Option<SharedReport>,
}

impl Guarded {
    async fn report(&self) -> SharedReport {
        let SharedStatistics { entries, bytes, undelivered } = self.statistics().await.unwrap_or_default();
        SharedReport {
            name: self.tier.name(),
            left_alone: self.is_left_alone(),
            given_up: self.given_up.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            entries,
            bytes,
            undelivered,
        }
    }
}
