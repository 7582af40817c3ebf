use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{join, join_all};
use portico_domain::{
    cache::{CacheKey, Prefix, Subject},
    models::Timestamp,
    ports::{
        Clock, Hearing, SharedAnswer, SharedCache, SharedEntry, SharedMark, SharedStatistics, Unavailable,
    },
};
use worker::Env;

use crate::scope::{self, Background};

mod ledger;
mod record;
mod store;

use ledger::{Ledger, Next, Place, Write};
use record::Record;
use store::{Namespace, Put, Store};

const SERVICE: &str = "cache";
/// KV keeps nothing for less.
const LEAST_KEPT: Duration = Duration::from_mins(1);
/// A tombstone stays longer than a load or a task behind an answer may take, so that it meets what began before it.
const TOMBSTONE_KEPT: Duration = Duration::from_mins(2);
/// How often one task behind an answer writes at most: five seconds' worth.
const MOST_ROUNDS: usize = 5;

/// The tier that isolates share: a KV namespace.
///
/// KV has no step that compares and sets, its last write wins, and a location may answer from what it read up to a minute ago, also that there was nothing.
/// So this tier can't promise what Redis can, and what holds instead is:
///
/// - **The bound is the lifetime.** An entry carries when its load began, readers judge it by that, and it never lives longer than its lifetime,
///   however KV caches it.
/// - **In the isolate that dropped something it is gone at once**: times of drops are remembered by [`Subject`], and nothing older that KV answers with counts.
/// - **In the same location usually at once**: dropping writes a tombstone over the entry, and a fill looks for one first. A fill whose load began before
///   the tombstone is refused by whoever sees it.
/// - **What depends on a subject that is no key** can be dropped in the dropping isolate alone; elsewhere it lives at most its lifetime.
/// - **A prefix is cleared by its version**, a number that is part of each name: the moment of the clearing. Isolates go by one that they read for 30 seconds.
///   Nothing is ever listed.
///
/// KV takes one write a second to a name. Writes go out behind the answer, in the `waitUntil` of the request that caused them, and coalesce: within a second
/// the newest wins, and a drop wins over a fill that began before it. A drop that can't be written is tried again, then taken along by a later request.
/// All I/O belongs to the request being polled.
pub struct KvCache {
    shared: Arc<Shared>,
    behind: fn(Background) -> Result<(), String>,
}

impl fmt::Debug for KvCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCache")
            .field("undelivered", &self.shared.ledger().undelivered())
            .finish_non_exhaustive()
    }
}

impl KvCache {
    /// The namespace that is bound as `CACHE`, if one is: without it an isolate has its memory alone.
    #[must_use]
    pub fn from_env(env: &Env, clock: Arc<dyn Clock>) -> Option<Self> {
        let namespace = env.kv("CACHE").ok()?;
        Some(Self::over(Arc::new(Namespace(namespace)), clock, |work| {
            let scope = scope::current().ok_or("no event is being served")?;
            scope.wait_until(work).map_err(|thrown| format!("waitUntil: {thrown:?}"))
        }))
    }

    fn over(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        behind: fn(Background) -> Result<(), String>,
    ) -> Self {
        Self { shared: Arc::new(Shared { store, clock, ledger: Mutex::default() }), behind }
    }

    /// Has everything written that waits for somebody to do so.
    fn write_behind(&self) -> Result<(), Unavailable> {
        let now = self.shared.clock.now();
        let places = self.shared.ledger().take_free(now);
        if places.is_empty() {
            return Ok(());
        }
        let (shared, taken) = (Arc::clone(&self.shared), places.clone());
        let work = async move {
            join_all(taken.iter().map(|place| shared.write_out(place))).await;
        };
        (self.behind)(Box::pin(work)).map_err(|detail| {
            let mut ledger = self.shared.ledger();
            for place in &places {
                ledger.release(place, now);
            }
            Unavailable::new(SERVICE, detail)
        })
    }
}

struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ledger: Mutex<Ledger>,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands under a key's name in the version of its prefix, and that version. One wait where the version is known, or hasn't changed.
    async fn read(&self, key: &CacheKey) -> Result<(u64, Option<Record>), Unavailable> {
        let (number, lately) = self.ledger().version(key.prefix, self.clock.now());
        let name = entry_name(key, number);
        if lately {
            return Ok((number, self.record(&name).await?));
        }
        let (version, record) = join(self.read_version(key.prefix), self.record(&name)).await;
        let version = version?;
        let record = if version == number { record? } else { self.record(&entry_name(key, version)).await? };
        Ok((version, record))
    }

    async fn record(&self, name: &str) -> Result<Option<Record>, Unavailable> {
        Ok(self.store.get(name).await?.and_then(|text| Record::read(&text)))
    }

    async fn read_version(&self, prefix: Prefix) -> Result<u64, Unavailable> {
        let text = self.store.get(&version_name(prefix)).await?;
        let number = text.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(self.ledger().learn_version(prefix, number, self.clock.now()))
    }

    /// The version under which to write. Where it can't be read, the last that was known: a name of a former version is read by nobody, and lifetimes
    /// bound what a drop there leaves standing.
    async fn version_to_write(&self, prefix: Prefix) -> u64 {
        let (known, lately) = self.ledger().version(prefix, self.clock.now());
        if lately { known } else { self.read_version(prefix).await.unwrap_or(known) }
    }

    /// Writes what is to be written under a name, the newest each time, not more often than KV takes it.
    async fn write_out(&self, place: &Place) {
        let mut refused = None;
        for _ in 0..MOST_ROUNDS {
            // A timer may be early by a little.
            let (number, write) = loop {
                let next = self.ledger().next(place, self.clock.now());
                match next {
                    Next::Wait(span) => self.clock.sleep(span).await,
                    Next::Write(number, write) => break (number, write),
                    Next::Done => return,
                }
            };
            let is_fill = write.is_fill();
            let outcome = self.write(place, write).await;
            // A fill that KV didn't take is not worth another try.
            let over = is_fill || outcome == Ok(Put::Done);
            let now = self.clock.now();
            self.ledger().wrote(place, number, over, now);
            refused = match outcome {
                Ok(Put::Done) => None,
                Ok(Put::TooSoon) => Some(Unavailable::new(SERVICE, "another isolate has just written")),
                Err(cause) => Some(cause),
            };
        }
        let now = self.clock.now();
        self.ledger().release(place, now);
        if let Some(cause) = refused {
            tracing::warn!(%cause, "KV could not be written; what was dropped is told it with a later request");
        }
    }

    async fn write(&self, place: &Place, write: Write) -> Result<Put, Unavailable> {
        match (place, write) {
            (Place::Version(prefix), Write::Version { number }) => {
                self.store.put(&version_name(*prefix), &number.to_string(), None).await
            }
            (Place::Entry(key), Write::Drop { at }) => {
                let version = self.version_to_write(key.prefix).await;
                let text = record::write_dropped(at);
                self.store.put(&entry_name(key, version), &text, Some(TOMBSTONE_KEPT)).await
            }
            (Place::Entry(key), Write::Fill { text, began, subjects, keep_for }) => {
                let version = self.version_to_write(key.prefix).await;
                // It waited, and something that it depends on may have been dropped meanwhile.
                if is_cleared(version, began) || self.ledger().has_dropped(key, &subjects, began) {
                    return Ok(Put::Done);
                }
                self.store.put(&entry_name(key, version), &text, Some(keep_for)).await
            }
            (Place::Version(_), _) | (Place::Entry(_), Write::Version { .. }) => Ok(Put::Done),
        }
    }
}

#[async_trait]
impl SharedCache for KvCache {
    fn name(&self) -> &'static str {
        "kv"
    }

    async fn get(&self, key: &CacheKey) -> Result<SharedAnswer, Unavailable> {
        let now = self.shared.clock.now();
        let mark = SharedMark { life: 0, number: micros(now) };
        let (version, record) = self.shared.read(key).await?;
        let entry = match record {
            Some(Record::Entry(entry)) => {
                let dropped = self.shared.ledger().has_dropped(key, &entry.subjects, entry.loaded_at);
                (!dropped && !is_cleared(version, entry.loaded_at)).then_some(entry)
            }
            Some(Record::Dropped(_)) | None => None,
        };
        Ok(SharedAnswer { entry, mark })
    }

    /// Looks for a tombstone, then hands the entry to whoever writes behind the answer: `true` says that it is on its way. An entry of 25 MiB or more
    /// isn't kept.
    async fn set(
        &self,
        key: &CacheKey,
        entry: &SharedEntry,
        mark: SharedMark,
        keep_for: Duration,
    ) -> Result<bool, Unavailable> {
        let marked = Timestamp::from_micros(i64::try_from(mark.number).unwrap_or(i64::MAX));
        let began = marked.min(entry.loaded_at);
        let Some(text) = record::write_entry(entry)? else { return Ok(false) };
        let (version, record) = self.shared.read(key).await?;
        let outlived = match &record {
            Some(Record::Dropped(at)) => *at >= began,
            Some(newer) => newer.since() > began,
            None => false,
        };
        if outlived || is_cleared(version, began) {
            return Ok(false);
        }
        let taken = {
            let mut ledger = self.shared.ledger();
            let subjects = entry.subjects.clone();
            let fill = Write::Fill { text, began, subjects, keep_for: kept_for(keep_for) };
            !ledger.has_dropped(key, &entry.subjects, began) && ledger.offer(Place::Entry(*key), fill)
        };
        self.write_behind()?;
        Ok(taken)
    }

    async fn delete(&self, keys: &[CacheKey], subjects: &[Subject]) -> Result<(), Unavailable> {
        let now = self.shared.clock.now();
        {
            let mut ledger = self.shared.ledger();
            ledger.drop_subjects(keys.iter().map(CacheKey::subject).chain(subjects.iter().copied()), now);
            for key in keys {
                ledger.offer(Place::Entry(*key), Write::Drop { at: now });
            }
        }
        self.write_behind()
    }

    async fn clear(&self, prefix: Prefix) -> Result<(), Unavailable> {
        let now = self.shared.clock.now();
        {
            let mut ledger = self.shared.ledger();
            let (known, _) = ledger.version(prefix, now);
            let number = ledger.learn_version(prefix, micros(now).max(known + 1), now);
            ledger.drop_subjects([Subject::all_of(prefix)], now);
            ledger.offer(Place::Version(prefix), Write::Version { number });
        }
        self.write_behind()
    }

    fn hearing(&self) -> Hearing {
        Hearing::Unneeded
    }

    async fn statistics(&self) -> Result<SharedStatistics, Unavailable> {
        // KV tells neither number nor size without listing.
        Ok(SharedStatistics { entries: None, bytes: None, undelivered: self.shared.ledger().undelivered() })
    }
}

/// A version is the moment at which its prefix was cleared.
fn is_cleared(version: u64, began: Timestamp) -> bool {
    version >= micros(began) && version != 0
}

/// How long KV keeps an entry: whole seconds, rounded up, and not less than it can.
fn kept_for(span: Duration) -> Duration {
    let whole = Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0));
    whole.max(LEAST_KEPT)
}

fn entry_name(key: &CacheKey, version: u64) -> String {
    format!("v{version}:{key}")
}

fn version_name(prefix: Prefix) -> String {
    format!("version:{}", prefix.as_str())
}

fn micros(moment: Timestamp) -> u64 {
    u64::try_from(moment.micros()).unwrap_or_default()
}

#[cfg(test)]
#[path = "kv_cache_tests.rs"]
mod tests;
