use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{Either, select};
use portico_domain::{
    models::{ApiKeyId, Day, KeyUses, Timestamp, UsageBatch, uuid_v7},
    ports::{Clock, Entropy, KeyUsage, Unavailable, UsageLedger},
};

use crate::scope::{self, Background};

/// An isolate writes once in this time at most.
const EVERY: Duration = Duration::from_secs(1);
/// The runtime gives what follows an answer 30 seconds: so many writes a second apart, and four attempts of 3 seconds at most with these waits between for
/// the last, stay inside.
const ROUNDS: u32 = 8;
const WAITS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(800)];
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// A request that hasn't begun to write after this long, because its answer takes longer or it was abandoned, is waited for no more.
const BEGINS_WITHIN: Duration = Duration::from_secs(5);
/// One that isn't done after this long has been abandoned by the runtime.
const ABANDONED_AFTER: Duration = Duration::from_secs(35);
/// How many pairs of key and day are gathered, about half a megabyte; and as many may be on their way.
const MOST_GATHERED: usize = 4_000;

/// Gathers the uses of keys in the isolate, and writes them once a second at most, as one batch, after the answer of a request.
///
/// The first use of a window has its request kept alive for the write; the others join it. A batch that could not be written is kept and sent again, under
/// the same id, by the next write, before what was gathered since: so it counts once, also when only the answer was lost. While one is kept
/// further uses of the same key take no more memory; a use for which there is no room is refused, and its caller writes it itself.
///
/// What an isolate holds goes with it: one that is evicted or ends in a panic loses the uses of up to a second, and more while the database is away. On Workers
/// counts are therefore at most too low, never too high.
pub struct CoalescedUsage {
    writer: Arc<Writer>,
    background: fn(Background) -> Result<(), String>,
}

impl fmt::Debug for CoalescedUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalescedUsage")
            .field("keys", &self.writer.held().gathered.len())
            .finish_non_exhaustive()
    }
}

impl CoalescedUsage {
    /// Writes to `usage`.
    #[must_use]
    pub fn new(usage: Arc<dyn KeyUsage>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self::over(usage, clock, entropy, |work| {
            let scope = scope::current().ok_or("no event is being served")?;
            scope.after_answer(work).map_err(|thrown| format!("waitUntil: {thrown:?}"))
        })
    }

    fn over(
        usage: Arc<dyn KeyUsage>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        background: fn(Background) -> Result<(), String>,
    ) -> Self {
        Self { writer: Arc::new(Writer { usage, clock, entropy, held: Mutex::default() }), background }
    }
}

impl UsageLedger for CoalescedUsage {
    fn count(&self, key: ApiKeyId, at: Timestamp) -> Result<(), Unavailable> {
        let now = self.writer.clock.now();
        let Some(wait) = self.writer.held().take(key, at, now)? else { return Ok(()) };
        let writer = Arc::clone(&self.writer);
        let work = Box::pin(async move {
            if !wait.is_zero() {
                writer.clock.sleep(wait).await;
            }
            writer.flush().await;
        });
        if let Err(cause) = (self.background)(work) {
            // It is counted; the next use finds a request that can be kept alive.
            self.writer.held().writing_until = None;
            tracing::warn!(%cause, "uses of keys can't be written behind this request; the next one takes them along");
        }
        Ok(())
    }
}

struct Writer {
    usage: Arc<dyn KeyUsage>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    held: Mutex<Held>,
}

/// What the isolate knows that storage doesn't.
#[derive(Default)]
struct Held {
    gathered: HashMap<(ApiKeyId, Day), KeyUses>,
    /// A batch that was sent and may or may not have been added.
    sent: Option<UsageBatch>,
    /// Until when somebody's request sees to the writing.
    writing_until: Option<Timestamp>,
    /// When the last write began.
    wrote_at: Option<Timestamp>,
}

impl Held {
    /// Takes a use in. Says, where nobody sees to the writing, that this use's request has to, and how long it is to wait first.
    fn take(
        &mut self,
        key: ApiKeyId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Duration>, Unavailable> {
        let day = Day::of(at);
        let held = self.gathered.len();
        match self.gathered.entry((key, day)) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.uses += 1;
                known.last_at = known.last_at.max(at);
            }
            Entry::Vacant(free) if held < MOST_GATHERED => {
                free.insert(KeyUses { key_id: key, day, uses: 1, last_at: at });
            }
            Entry::Vacant(_) => {
                return Err(Unavailable::new("usage ledger", "too many keys wait for storage"));
            }
        }
        if self.writing_until.is_some_and(|until| until > now) {
            return Ok(None);
        }
        self.writing_until = Some(now.after(BEGINS_WITHIN));
        let since = self.wrote_at.map_or(EVERY, |wrote_at| now.since(wrote_at));
        Ok(Some(EVERY.saturating_sub(since)))
    }

    /// Whether nothing is left to write; then nobody sees to the writing any more.
    fn is_done(&mut self) -> bool {
        let is_done = self.gathered.is_empty();
        if is_done {
            self.writing_until = None;
        }
        is_done
    }
}

impl Writer {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was sent before and may not have arrived, then what was gathered since, and goes on, a write a second, while more is gathered: what was counted
    /// during a write has nobody else to see to it.
    async fn flush(&self) {
        self.held().writing_until = Some(self.clock.now().after(ABANDONED_AFTER));
        let left_over = self.held().sent.clone();
        let mut arrived = match &left_over {
            Some(batch) => self.send(batch).await,
            None => true,
        };
        let mut round = 1;
        while arrived {
            let now = self.clock.now();
            let Some(batch) = self.next(now, round == ROUNDS) else { return };
            arrived = self.send(&batch).await;
            if arrived && self.held().is_done() {
                return;
            }
            round += 1;
            if round > ROUNDS {
                return;
            }
            self.clock.sleep(EVERY.saturating_sub(self.clock.now().since(now))).await;
        }
        // What is left goes with the next use.
        self.held().writing_until = None;
    }

    /// Makes a batch of what was gathered. From here on it may have been added, so it keeps its id and stays as it is. With the last one, further uses
    /// have to be seen to by another request.
    fn next(&self, now: Timestamp, is_last: bool) -> Option<UsageBatch> {
        let mut held = self.held();
        if held.is_done() {
            return None;
        }
        let random = match self.entropy.bytes() {
            Ok(random) => random,
            Err(cause) => {
                tracing::error!(%cause, "uses of keys can't be written; the next write takes them along");
                held.writing_until = None;
                return None;
            }
        };
        let id = uuid_v7(now, std::array::from_fn(|place| random[place]));
        let uses = held.gathered.drain().map(|(_, uses)| uses).collect();
        let batch = UsageBatch { id, uses };
        held.sent = Some(batch.clone());
        held.wrote_at = Some(now);
        if is_last {
            held.writing_until = None;
        }
        Some(batch)
    }

    /// Sends a batch until it has arrived, or gives up for this time. Says whether it has.
    async fn send(&self, batch: &UsageBatch) -> bool {
        let mut waits = WAITS.iter();
        loop {
            let refused = match select(self.usage.add(batch), self.clock.sleep(ATTEMPT_LIMIT)).await {
                Either::Left((Ok(()), _)) => {
                    let mut held = self.held();
                    if held.sent.as_ref().is_some_and(|sent| sent.id == batch.id) {
                        held.sent = None;
                    }
                    return true;
                }
                Either::Left((Err(unavailable), _)) => unavailable,
                Either::Right(((), _)) => Unavailable::new("storage", "no answer in time"),
            };
            let Some(wait) = waits.next() else {
                tracing::error!(keys = batch.uses.len(), cause = %refused, "uses of keys could not be written; the next write takes them along");
                return false;
            };
            tracing::warn!(keys = batch.uses.len(), cause = %refused, "uses of keys could not be written yet");
            self.clock.sleep(*wait).await;
        }
    }
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
