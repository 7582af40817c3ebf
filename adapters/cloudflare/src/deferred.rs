use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use portico_domain::{
    models::{Fact, Timestamp, UserId},
    ports::{Clock, DeferredWrites, FactStore, Unavailable},
};

use crate::scope::{self, Background};

/// The runtime gives what follows an answer 30 seconds: five attempts of 4 seconds at most, with these waits between, stay inside.
const WAITS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_500),
    Duration::from_secs(4),
];
const ATTEMPT_LIMIT: Duration = Duration::from_secs(4);

/// A batch that is still not written after this long has been abandoned by the runtime, and somebody else's request takes it along.
const ABANDONED_AFTER: Duration = Duration::from_secs(35);

/// What an isolate remembers of unwritten facts; beyond it the oldest are given up, and the log says so.
const MOST_PENDING: usize = 2_000;

/// Writes facts after the answer, in the `waitUntil` of the request that handed them over and over that request's connection.
///
/// A batch that could not be written in time stays in the isolate's memory, is told to the log, and goes along with the next hand-over.
/// An isolate that ends takes it away; that no client notices is the flows' doing, as first refresh tokens prove themselves.
pub struct WaitUntilWrites {
    writer: Arc<Writer>,
    background: fn(Background) -> Result<(), String>,
}

impl fmt::Debug for WaitUntilWrites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitUntilWrites")
            .field("pending", &self.writer.ledger().facts())
            .finish_non_exhaustive()
    }
}

impl WaitUntilWrites {
    /// Writes to `store`.
    #[must_use]
    pub fn new(store: Arc<dyn FactStore>, clock: Arc<dyn Clock>) -> Self {
        Self::over(store, clock, |work| {
            let scope = scope::current().ok_or("no event is being served")?;
            scope.after_answer(work).map_err(|thrown| format!("waitUntil: {thrown:?}"))
        })
    }

    fn over(
        store: Arc<dyn FactStore>,
        clock: Arc<dyn Clock>,
        background: fn(Background) -> Result<(), String>,
    ) -> Self {
        Self { writer: Arc::new(Writer { store, clock, ledger: Mutex::default() }), background }
    }
}

#[async_trait]
impl DeferredWrites for WaitUntilWrites {
    async fn hand_over(&self, facts: Vec<Fact>) -> Result<(), Unavailable> {
        if facts.is_empty() {
            return Ok(());
        }
        let now = self.writer.clock.now();
        let ids = self.writer.ledger().take_in(facts, now);
        let writer = Arc::clone(&self.writer);
        (self.background)(Box::pin(async move { writer.write_out(&ids).await })).map_err(|detail| {
            // The facts stay in the ledger, for a request that can be kept alive.
            Unavailable::new("deferred writes", detail)
        })
    }

    fn pending(&self, user: UserId) -> Vec<Fact> {
        self.writer.ledger().of(user)
    }
}

struct Writer {
    store: Arc<dyn FactStore>,
    clock: Arc<dyn Clock>,
    ledger: Mutex<Ledger>,
}

impl Writer {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write_out(&self, ids: &[u64]) {
        let facts = self.ledger().get(ids);
        let mut waits = WAITS.iter();
        loop {
            let refused = match self.attempt(&facts).await {
                Ok(()) => return self.ledger().settle(ids),
                Err(unavailable) => unavailable,
            };
            let Some(wait) = waits.next() else {
                let now = self.clock.now();
                self.ledger().release(ids, now);
                tracing::error!(facts = facts.len(), cause = %refused, "facts could not be written; the next hand-over takes them along");
                return;
            };
            tracing::warn!(facts = facts.len(), cause = %refused, "facts could not be written yet");
            self.clock.sleep(*wait).await;
        }
    }

    async fn attempt(&self, facts: &[Fact]) -> Result<(), Unavailable> {
        match select(self.store.record(facts), self.clock.sleep(ATTEMPT_LIMIT)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), _)) => Err(Unavailable::new("storage", "no answer in time")),
        }
    }
}

/// The facts of this isolate that are not written yet, in the order in which they were handed over.
#[derive(Default)]
struct Ledger {
    next: u64,
    entries: BTreeMap<u64, Entry>,
}

struct Entry {
    fact: Fact,
    /// From when on another request may take the fact along.
    free_at: Timestamp,
}

impl Ledger {
    /// Takes new facts in and says which entries to write: these, and those that nobody writes any more.
    fn take_in(&mut self, facts: Vec<Fact>, now: Timestamp) -> Vec<u64> {
        for fact in facts {
            self.entries.insert(self.next, Entry { fact, free_at: now });
            self.next += 1;
        }
        let surplus = self.entries.len().saturating_sub(MOST_PENDING);
        if surplus > 0 {
            tracing::error!(facts = surplus, "too many facts are unwritten; the oldest are lost");
            for _ in 0..surplus {
                self.entries.pop_first();
            }
        }
        let taken_until = now.after(ABANDONED_AFTER);
        let free = self.entries.iter_mut().filter(|(_, entry)| entry.free_at <= now);
        free.map(|(id, entry)| {
            entry.free_at = taken_until;
            *id
        })
        .collect()
    }

    fn get(&self, ids: &[u64]) -> Vec<Fact> {
        ids.iter().filter_map(|id| self.entries.get(id)).map(|entry| entry.fact.clone()).collect()
    }

    fn settle(&mut self, ids: &[u64]) {
        for id in ids {
            self.entries.remove(id);
        }
    }

    fn release(&mut self, ids: &[u64], now: Timestamp) {
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.free_at = now;
            }
        }
    }

    fn of(&self, user: UserId) -> Vec<Fact> {
        self.entries
            .values()
            .map(|entry| &entry.fact)
            .filter(|fact| fact.user_id() == user)
            .cloned()
            .collect()
    }

    fn facts(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
#[path = "deferred_tests.rs"]
mod tests;
