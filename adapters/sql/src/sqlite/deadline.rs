//! The time limit of statements on `SQLite`, which has none of its own.
//!
//! `SQLite` asks a progress handler every so many steps of its machine whether to go on. Each connection has a deadline that its handler looks at, set anew
//! for each statement. What runs inside of one step, such as a busy wait for another process or one term's lookup in a full-text index, is not interrupted.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::SqliteConnection;

/// Steps between two looks at the clock: some tens of microseconds.
const STEPS: i32 = 1_000;
const NONE: u64 = u64::MAX;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Until when the statement of one connection may run.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadline(Arc<State>);

#[derive(Debug)]
struct State {
    micros: AtomicU64,
    /// Whether a statement was interrupted.
    struck: AtomicBool,
}

impl Default for State {
    fn default() -> Self {
        Self { micros: AtomicU64::new(NONE), struck: AtomicBool::new(false) }
    }
}

impl Deadline {
    /// Lets what comes next run for `limit`. It stands until it is set anew or cleared, so that a statement that nobody waits for any more ends too.
    pub(super) fn set(&self, limit: Duration) {
        let micros = (BEGAN.elapsed() + limit).as_micros();
        self.0.micros.store(u64::try_from(micros).unwrap_or(NONE), Ordering::Relaxed);
    }

    /// Lets what runs go on for `limit` at most, also where it had more time.
    pub(super) fn hasten(&self, limit: Duration) {
        let micros = u64::try_from((BEGAN.elapsed() + limit).as_micros()).unwrap_or(NONE);
        self.0.micros.fetch_min(micros, Ordering::Relaxed);
    }

    /// Lets what comes next run as long as it takes.
    pub(super) fn clear(&self) {
        self.0.micros.store(NONE, Ordering::Relaxed);
    }

    /// Whether a statement was interrupted since this was last asked. `SQLite` may have ended its transaction by itself, unknown to the driver: such a
    /// connection is not used again.
    pub(super) fn take_struck(&self) -> bool {
        self.0.struck.swap(false, Ordering::Relaxed)
    }

    /// Makes a new connection keep to it.
    pub(super) async fn guard(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        self.clear();
        let deadline = self.clone();
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || deadline.may_go_on());
        Ok(())
    }

    fn may_go_on(&self) -> bool {
        let until = self.0.micros.load(Ordering::Relaxed);
        if until == NONE || BEGAN.elapsed().as_micros() < u128::from(until) {
            return true;
        }
        self.0.struck.store(true, Ordering::Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_strikes_once_it_is_past_and_says_so_once() {
        let deadline = Deadline::default();
        assert!(deadline.may_go_on());
        deadline.set(Duration::from_secs(60));
        assert!(deadline.may_go_on() && !deadline.take_struck());
        deadline.set(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(!deadline.may_go_on());
        assert!(deadline.take_struck() && !deadline.take_struck());
        deadline.clear();
        assert!(deadline.may_go_on());
    }

    #[test]
    fn haste_takes_time_away_and_gives_none() {
        let deadline = Deadline::default();
        deadline.hasten(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(!deadline.may_go_on());
        deadline.hasten(Duration::from_secs(60));
        assert!(!deadline.may_go_on());
    }
}
