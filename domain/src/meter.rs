//! What one request cost, and how it was let in.
//!
//! Adapters count into the meter of the request that is being polled, so that no flow carries a counter through its arguments, and so that
//! a statement that somebody adds is counted without their doing. Outside a request nothing is counted.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::models::{Admission, Timestamp};

/// How many admissions are noted without an allocation: more than any route asks for.
const INLINE_ADMISSIONS: usize = 4;

/// How the cache served a request, as `Server-Timing` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOutcome {
    /// Nothing was asked of a cache.
    Bypass,
    /// What was needed was there and fresh.
    Hit,
    /// It was there, past its lifetime, and was used while it is refreshed.
    Stale,
    /// It had to be loaded.
    Miss,
}

impl CacheOutcome {
    /// The word in `Server-Timing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
        }
    }
}

/// Counts what one request costs. Safe to share between tasks of the request.
#[derive(Debug, Default)]
pub struct Meter {
    statements: AtomicU32,
    storage_micros: AtomicU64,
    cache: AtomicU8,
    admissions: Mutex<Admissions>,
    /// What was done, where that is recorded.
    recorded: Option<Box<Recorded>>,
}

/// What a request did, one thing after the other.
#[derive(Debug, Default)]
struct Recorded {
    sent: Mutex<Vec<Sent>>,
    asked: Mutex<Vec<Asked>>,
    trace: Option<Trace>,
}

/// The trace that a request belongs to, and the span in it that the request itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The trace; never zero.
    pub trace_id: u128,
    /// The span; never zero.
    pub span_id: u64,
    /// Whether it is recorded.
    pub sampled: bool,
}

/// One statement that a request sent, as a recording tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its name.
    pub statement: &'static str,
    /// How many rows it gave.
    pub rows: usize,
    /// When it was sent.
    pub began: Timestamp,
    /// How long it took; of several that were sent as one transaction each has taken as long as the transaction.
    pub time: Duration,
}

/// Something else that a request waited for, as its trace tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its span; zero where nobody was told of it.
    pub span_id: u64,
    /// What it was.
    pub what: Work,
    /// When it was begun.
    pub began: Timestamp,
    /// How long it took.
    pub time: Duration,
    /// Whether it came to nothing.
    pub failed: bool,
}

/// A kind of work that isn't a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A password was hashed, or compared with a hash.
    Hashing,
    /// Another service was asked.
    Fetch {
        /// By which method.
        method: &'static str,
        /// Which one: its host, and port where it has one of its own.
        host: String,
        /// What it answered, if it did.
        status: Option<u16>,
    },
}

/// The first few in place, and any more behind them.
#[derive(Debug, Default)]
struct Admissions {
    first: [Option<Admission>; INLINE_ADMISSIONS],
    more: Vec<Admission>,
}

impl Admissions {
    fn push(&mut self, admission: Admission) {
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(admission),
            None => self.more.push(admission),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Admission> {
        self.first.iter().flatten().chain(&self.more)
    }
}

impl Meter {
    /// A meter that also remembers what was sent and asked, for `PORTICO_RECORD_STATEMENTS` and for traces.
    #[must_use]
    pub fn recording() -> Self {
        Self { recorded: Some(Box::default()), ..Self::default() }
    }

    /// The same for a request that belongs to a trace.
    #[must_use]
    pub fn traced(trace: Trace) -> Self {
        let recorded = Recorded { trace: Some(trace), ..Recorded::default() };
        Self { recorded: Some(Box::new(recorded)), ..Self::default() }
    }

    /// The trace that the request belongs to, where that is recorded.
    #[must_use]
    pub fn trace(&self) -> Option<Trace> {
        self.recorded.as_ref().and_then(|recorded| recorded.trace)
    }

    /// Remembers a statement, where that is recorded.
    pub fn note_statement(&self, sent: Sent) {
        if let Some(recorded) = &self.recorded {
            recorded.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        }
    }

    /// Remembers what else was waited for, where that is recorded.
    pub fn note_asked(&self, asked: Asked) {
        if let Some(recorded) = &self.recorded {
            recorded.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        }
    }

    /// What was sent so far, in order; nothing where it isn't recorded.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        let list = |recorded: &Recorded| recorded.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.recorded.as_deref().map(list).unwrap_or_default()
    }

    /// What else was waited for so far, in order; nothing where it isn't recorded.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        let list =
            |recorded: &Recorded| recorded.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.recorded.as_deref().map(list).unwrap_or_default()
    }

    /// Counts `statements` statements that took `time` together.
    pub fn count_statements(&self, statements: u32, time: Duration) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.storage_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Notes how the cache served; of several the worst stays.
    pub fn note_cache(&self, outcome: CacheOutcome) {
        self.cache.fetch_max(outcome as u8, Ordering::Relaxed);
    }

    /// Notes what a rate limit said, for the answer's headers.
    pub fn note_admission(&self, admission: Admission) {
        self.admissions.lock().unwrap_or_else(PoisonError::into_inner).push(admission);
    }

    /// How many statements were sent.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How long storage took.
    #[must_use]
    pub fn storage_time(&self) -> Duration {
        Duration::from_micros(self.storage_micros.load(Ordering::Relaxed))
    }

    /// How the cache served.
    #[must_use]
    pub fn cache(&self) -> CacheOutcome {
        match self.cache.load(Ordering::Relaxed) {
            0 => CacheOutcome::Bypass,
            1 => CacheOutcome::Hit,
            2 => CacheOutcome::Stale,
            _ => CacheOutcome::Miss,
        }
    }

    /// What the rate limits said, in the order in which they were asked.
    #[must_use]
    pub fn admissions(&self) -> Vec<Admission> {
        self.admissions.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The same, without a copy: shows each to `look`.
    pub fn each_admission(&self, look: impl FnMut(&Admission)) {
        self.admissions.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(look);
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Meter>>> = const { RefCell::new(None) };
}

/// The meter of the request that is being polled, if one is.
#[must_use]
pub fn current() -> Option<Arc<Meter>> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Shows the meter of the request that is being polled to `look`, if one is. `look` must not poll another request.
pub fn with_current<T>(look: impl FnOnce(&Meter) -> T) -> Option<T> {
    CURRENT.with_borrow(|current| current.as_deref().map(look))
}

/// Runs `future` with `meter` as its meter, on whichever thread it is polled.
pub async fn metered<F: Future>(meter: Arc<Meter>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(move |context| {
        let _restore = Entered::new(Arc::clone(&meter));
        future.as_mut().poll(context)
    })
    .await
}

/// Puts the former meter back, also when the polled future panics.
struct Entered(Option<Arc<Meter>>);

impl Entered {
    fn new(meter: Arc<Meter>) -> Self {
        Self(CURRENT.with(|current| current.replace(Some(meter))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.0.take()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn interleaved_requests_count_apart() {
        let (one, two) = (Arc::new(Meter::default()), Arc::new(Meter::default()));
        let work = |times: u32| async move {
            for _ in 0..times {
                current().unwrap().count_statements(1, Duration::from_micros(5));
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(metered(Arc::clone(&one), work(3)), metered(Arc::clone(&two), work(7)));
        assert_eq!((one.statements(), two.statements()), (3, 7));
        assert_eq!(two.storage_time(), Duration::from_micros(35));
        assert!(current().is_none());
    }

    #[test]
    fn statements_are_remembered_only_where_they_are_recorded() {
        let sent =
            Sent { statement: "ping", rows: 1, began: Timestamp::from_seconds(1), time: Duration::ZERO };
        for (meter, expected) in [(Meter::default(), vec![]), (Meter::recording(), vec![sent, sent])] {
            meter.note_statement(sent);
            meter.note_statement(sent);
            assert_eq!(meter.sent(), expected);
        }
    }

    #[test]
    fn the_worst_cache_outcome_stays() {
        let meter = Meter::default();
        assert_eq!(meter.cache(), CacheOutcome::Bypass);
        meter.note_cache(CacheOutcome::Miss);
        meter.note_cache(CacheOutcome::Hit);
        assert_eq!(meter.cache(), CacheOutcome::Miss);
    }
}
