//! What is known of keys while they are used and revoked, and what a server may therefore say about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long after the answer to its revocation a key may still be let in by other servers (contract, API keys).
pub const BOUND: Duration = Duration::from_secs(1);

/// A key in use.
#[derive(Debug)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Its identifier, as it stands in paths.
    pub id: String,
    /// When its revocation was asked for, in nanoseconds of the ledger; 0 while it isn't.
    begun: AtomicU64,
    /// When its revocation was answered, likewise.
    answered: AtomicU64,
    /// Which server was asked.
    by: AtomicUsize,
}

impl Key {
    /// Takes note of a key.
    #[must_use]
    pub fn new(text: String, id: String) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        Arc::new(Self { text, id, begun: zero(), answered: zero(), by: AtomicUsize::new(usize::MAX) })
    }
}

/// What an answer about a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A living key was let in.
    LetIn,
    /// A key that was being revoked, or was revoked so long ago, was let in; as it may be.
    StillLetIn(Duration),
    /// A revoked key was refused.
    Refused,
    /// A revoked key was let in after the bound.
    LetInLate(Duration),
    /// A living key was refused, or the answer was neither yes nor no.
    Failed(u16),
}

/// Judges answers against the clock.
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    start: Instant,
}

impl Default for Ledger {
    fn default() -> Self {
        // Zero means "not yet", so no moment may be zero.
        let start = Instant::now();
        Self { start: start.checked_sub(Duration::from_millis(1)).unwrap_or(start) }
    }
}

impl Ledger {
    fn nanos(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// Notes that a server is about to be asked to revoke a key.
    pub fn begin(&self, key: &Key, server: usize) {
        key.by.store(server, Ordering::SeqCst);
        key.begun.store(self.nanos(Instant::now()), Ordering::SeqCst);
    }

    /// Notes that it has answered.
    pub fn answered(&self, key: &Key) {
        key.answered.store(self.nanos(Instant::now()), Ordering::SeqCst);
    }

    /// Judges what `server` said to a request that was sent at `sent`. To be asked after the answer has arrived.
    #[must_use]
    pub fn judge(&self, key: &Key, server: usize, sent: Instant, status: u16) -> Verdict {
        let begun = key.begun.load(Ordering::SeqCst) != 0;
        let answered = key.answered.load(Ordering::SeqCst);
        let since = match answered {
            0 => None,
            answered => self.nanos(sent).checked_sub(answered).map(Duration::from_nanos),
        };
        let bound = if key.by.load(Ordering::SeqCst) == server { Duration::ZERO } else { BOUND };
        match (status, since) {
            (200, Some(since)) if since > bound => Verdict::LetInLate(since),
            (200, Some(since)) => Verdict::StillLetIn(since),
            (200, None) if begun => Verdict::StillLetIn(Duration::ZERO),
            (200, None) => Verdict::LetIn,
            (401, _) if begun => Verdict::Refused,
            (other, _) => Verdict::Failed(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_let_in_until_it_is_revoked_and_by_others_a_second_longer() {
        let ledger = Ledger::default();
        let key = Key::new("text".to_owned(), "id".to_owned());
        let now = Instant::now();
        assert_eq!(ledger.judge(&key, 0, now, 200), Verdict::LetIn);
        assert_eq!(ledger.judge(&key, 0, now, 401), Verdict::Failed(401));
        ledger.begin(&key, 0);
        assert_eq!(ledger.judge(&key, 0, now, 401), Verdict::Refused);
        assert_eq!(ledger.judge(&key, 0, now, 200), Verdict::StillLetIn(Duration::ZERO));
        ledger.answered(&key);
        assert_eq!(ledger.judge(&key, 0, now, 200), Verdict::StillLetIn(Duration::ZERO), "sent before");
        let later = Instant::now() + Duration::from_millis(500);
        assert!(matches!(ledger.judge(&key, 0, later, 200), Verdict::LetInLate(_)), "by the same server");
        assert!(matches!(ledger.judge(&key, 1, later, 200), Verdict::StillLetIn(_)), "by another");
        let much_later = later + BOUND;
        assert!(matches!(ledger.judge(&key, 1, much_later, 200), Verdict::LetInLate(_)));
        assert_eq!(ledger.judge(&key, 1, much_later, 401), Verdict::Refused);
        assert_eq!(ledger.judge(&key, 1, much_later, 503), Verdict::Failed(503));
    }
}
