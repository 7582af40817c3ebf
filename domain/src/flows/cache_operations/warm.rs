use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use crate::{
    cache::{Cache, Prefix, Tiers},
    ports::Unavailable,
};

/// Fills the cache with what will be asked: what was hot, or what is always asked.
#[async_trait]
pub trait Warmer: Send + Sync {
    /// Whose entries it fills.
    fn prefix(&self) -> Prefix;

    /// Loads what is worth it and not there yet, at most `limit` entries, by a bounded number of statements. Says how many it filled.
    async fn warm(&self, limit: u32) -> Result<usize, Unavailable>;
}

/// What became of warming a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarmOutcome {
    /// So many entries were filled.
    Filled(usize),
    /// Its cache is off.
    Off,
    /// There is nothing that could be known to be asked.
    NothingToWarm,
    /// Its source couldn't be asked.
    Failed(Unavailable),
}

/// A prefix, and what became of warming it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warmed {
    /// Which.
    pub prefix: Prefix,
    /// How it went.
    pub outcome: WarmOutcome,
}

/// One warm-up at a time is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a warm-up is under way already")]
pub struct AlreadyWarming;

/// Warms the caches at the start, each hour, and when an operator says so.
pub struct WarmCaches {
    /// What fills them, each another prefix.
    pub warmers: Vec<Arc<dyn Warmer>>,
    /// What is filled.
    pub cache: Arc<Cache>,
    /// How many entries of a prefix, at the start and each hour; none switches that off.
    pub limit: u32,
    /// How many at most, whoever asks.
    pub most: u32,
    busy: AtomicBool,
}

impl WarmCaches {
    /// Joins the parts.
    #[must_use]
    pub fn new(warmers: Vec<Arc<dyn Warmer>>, cache: Arc<Cache>, limit: u32, most: u32) -> Self {
        Self { warmers, cache, limit, most, busy: AtomicBool::new(false) }
    }

    /// Warms these prefixes, at most `limit` entries of each.
    ///
    /// # Errors
    /// [`AlreadyWarming`] while another warm-up is under way in this process or isolate.
    pub async fn run(&self, prefixes: &[Prefix], limit: u32) -> Result<Vec<Warmed>, AlreadyWarming> {
        let _alone = Alone::new(&self.busy)?;
        let mut warmed = Vec::with_capacity(prefixes.len());
        for prefix in prefixes {
            let outcome = self.one(*prefix, limit.min(self.most)).await;
            warmed.push(Warmed { prefix: *prefix, outcome });
        }
        Ok(warmed)
    }

    /// Warms what has a warmer, unless that is switched off or under way; for the start and for upkeep.
    pub async fn by_itself(&self) -> Vec<Warmed> {
        if self.limit == 0 {
            return Vec::new();
        }
        let prefixes: Vec<_> = self.warmers.iter().map(|warmer| warmer.prefix()).collect();
        self.run(&prefixes, self.limit).await.unwrap_or_default()
    }

    async fn one(&self, prefix: Prefix, limit: u32) -> WarmOutcome {
        if self.cache.strategies.present(prefix).policy.tiers == Tiers::Off {
            return WarmOutcome::Off;
        }
        let Some(warmer) = self.warmers.iter().find(|warmer| warmer.prefix() == prefix) else {
            return WarmOutcome::NothingToWarm;
        };
        warmer.warm(limit).await.map_or_else(WarmOutcome::Failed, WarmOutcome::Filled)
    }
}

/// Held by the one warm-up that is under way; given back also when it is dropped half-way.
struct Alone<'a>(&'a AtomicBool);

impl<'a> Alone<'a> {
    fn new(busy: &'a AtomicBool) -> Result<Self, AlreadyWarming> {
        if busy.swap(true, Ordering::AcqRel) { Err(AlreadyWarming) } else { Ok(Self(busy)) }
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
