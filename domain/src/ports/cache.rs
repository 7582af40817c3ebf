use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Unavailable;
use crate::{
    cache::{CacheKey, Mark, Prefix, Subject},
    models::Timestamp,
};

/// An entry as the memory of a process or isolate keeps it: the value itself, not its bytes.
pub struct LocalEntry {
    /// The value; `None` when it is known that there is no such thing.
    pub value: Option<Arc<dyn Any + Send + Sync>>,
    /// When its load began, in the order of invalidations.
    pub mark: Mark,
    /// What it depends on.
    pub subjects: Vec<Subject>,
    /// When its load began, by the clock.
    pub loaded_at: Timestamp,
    /// How long its source took.
    pub load_time: Duration,
    /// How much memory it takes up, about, in bytes.
    pub bytes: u32,
}

/// How full the memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalStatistics {
    /// Entries.
    pub entries: u64,
    /// What they take up, about, in bytes.
    pub bytes: u64,
    /// What they may take up at most, in bytes.
    pub capacity_bytes: u64,
}

/// The memory of this process or isolate. Bounded: what is used least goes first.
///
/// It keeps what it is given and judges nothing: whether an entry may still be used is asked of the [`Fence`](crate::cache::Fence) at every read.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait LocalCache: Send + Sync {
    /// The entry, if it is there.
    fn get(&self, key: &CacheKey) -> Option<Arc<LocalEntry>>;

    /// Keeps an entry in place of the one before.
    fn set(&self, key: CacheKey, entry: Arc<LocalEntry>);

    /// Forgets an entry.
    fn delete(&self, key: &CacheKey);

    /// Forgets everything.
    fn clear(&self);

    /// How full it is.
    fn statistics(&self) -> LocalStatistics;

    /// How many entries gave way to others since it was made; what was replaced, deleted or cleared did not.
    fn evicted(&self) -> u64;
}

/// An entry as it is shared between servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedEntry {
    /// The value as JSON; `None` when it is known that there is no such thing.
    pub value: Option<Vec<u8>>,
    /// What it depends on.
    pub subjects: Vec<Subject>,
    /// When its load began, by the clock of whoever loaded it.
    pub loaded_at: Timestamp,
    /// How long its source took.
    pub load_time: Duration,
}

/// The moment at which a load began, in the order of invalidations of a shared tier: opaque to everybody but that tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SharedMark {
    /// Which life of the tier: a mark of one life is worth nothing in the next.
    pub life: u64,
    /// The number of its last invalidation.
    pub number: u64,
}

/// What a shared tier said about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAnswer {
    /// The entry, if it is there and nothing that it depends on was invalidated since it began to be loaded.
    pub entry: Option<SharedEntry>,
    /// The mark of a load that begins now.
    pub mark: SharedMark,
}

/// Whether what others invalidate reaches this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// Nothing is to be heard: lifetimes alone bound what memory answers with.
    Unneeded,
    /// Every invalidation that others made before this moment has arrived here.
    Until(Timestamp),
    /// Nothing is heard now.
    Deaf,
}

/// How a shared tier is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SharedStatistics {
    /// Entries, where the tier can tell without listing them.
    pub entries: Option<u64>,
    /// What they take up in bytes, where the tier can tell.
    pub bytes: Option<u64>,
    /// Invalidations that are still to be delivered.
    pub undelivered: u64,
}

/// A tier that servers share: Redis, or Workers KV.
///
/// Reading and filling are fenced where the tier can do so in one step (Redis); where it can't (KV), the age of an entry bounds how long something
/// dropped can live, and the adapter says so. Callers put a time limit on every call; dropping a call is safe.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SharedCache: Send + Sync {
    /// The tier's name, in statistics: `redis` or `kv`.
    fn name(&self) -> &'static str;

    /// Reads an entry and takes the mark for a load, in one step.
    async fn get(&self, key: &CacheKey) -> Result<SharedAnswer, Unavailable>;

    /// Whether [`SharedCache::get`] would find an entry.
    async fn has(&self, key: &CacheKey) -> Result<bool, Unavailable> {
        Ok(self.get(key).await?.entry.is_some())
    }

    /// Keeps an entry whose load began under `mark`, for `keep_for`. `false`, and nothing is kept, when something that it depends on was invalidated since,
    /// or when the tier has begun a new life.
    async fn set(
        &self,
        key: &CacheKey,
        entry: &SharedEntry,
        mark: SharedMark,
        keep_for: Duration,
    ) -> Result<bool, Unavailable>;

    /// Puts an end to everything that depends on one of `subjects`, here and in the memory of every server that shares the tier; `keys` are the entries
    /// known to do so. What can't be delivered is remembered and delivered as soon as the tier is back, before anything is read from it; the error then only
    /// tells of the delay. The memory of the caller's own process is the caller's to clear.
    async fn delete(&self, keys: &[CacheKey], subjects: &[Subject]) -> Result<(), Unavailable>;

    /// Puts an end to everything of a prefix, without listing it.
    async fn clear(&self, prefix: Prefix) -> Result<(), Unavailable>;

    /// Whether what others invalidate reaches this process. Cheap: asked at every read.
    fn hearing(&self) -> Hearing;

    /// How it is doing.
    async fn statistics(&self) -> Result<SharedStatistics, Unavailable>;
}
