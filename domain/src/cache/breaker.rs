use std::{
    sync::atomic::{AtomicI64, AtomicU32, Ordering},
    time::Duration,
};

use crate::models::Timestamp;

/// So many calls that fail one after the other open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open before one call tries again.
const REST: Duration = Duration::from_secs(1);

/// What changed by a call's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anybody needs to know.
    None,
    /// It failed too often: it is left alone from now on.
    Opened,
    /// It answers again.
    Closed,
}

/// Leaves a tier alone that keeps failing, and lets one call a second find out whether it is back.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: AtomicU32,
    /// Microseconds since 1970 until which nobody may call; zero while it is closed.
    rests_until: AtomicI64,
}

impl Breaker {
    /// Whether a call may be made at `now`. Of all who ask when the rest is over, one is told yes.
    pub(super) fn allows(&self, now: Timestamp) -> bool {
        let until = self.rests_until.load(Ordering::Acquire);
        if until == 0 {
            return true;
        }
        let next = now.after(REST).micros();
        now.micros() >= until
            && self.rests_until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.rests_until.load(Ordering::Acquire) != 0
    }

    pub(super) fn succeeded(&self) -> Change {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Release);
        }
        if self.rests_until.load(Ordering::Acquire) == 0 || self.rests_until.swap(0, Ordering::AcqRel) == 0 {
            return Change::None;
        }
        Change::Closed
    }

    pub(super) fn failed(&self, now: Timestamp) -> Change {
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if failures < FAILURES {
            return Change::None;
        }
        let before = self.rests_until.swap(now.after(REST).micros(), Ordering::AcqRel);
        if before == 0 { Change::Opened } else { Change::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_closes_when_one_call_finds_it_back() {
        let (breaker, now) = (Breaker::default(), Timestamp::from_seconds(1_000));
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(now), Change::None);
        }
        assert_eq!(breaker.succeeded(), Change::None, "a success in between starts the count anew");
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(now), Change::None);
            assert!(breaker.allows(now));
        }
        assert_eq!(breaker.failed(now), Change::Opened);
        assert!(!breaker.allows(now.after(Duration::from_millis(999))));
        let later = now.after(REST);
        assert!(breaker.allows(later));
        assert!(!breaker.allows(later), "one call is enough to find out");
        assert_eq!(breaker.failed(later), Change::None, "told once");
        let latest = later.after(REST);
        assert!(breaker.allows(latest));
        assert_eq!(breaker.succeeded(), Change::Closed);
        assert!(breaker.allows(latest) && !breaker.is_open());
    }
}
