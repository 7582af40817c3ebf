//! How many callers wait for a connection: what a pool knows and doesn't tell.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Counts those who wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicU32>);

impl Waiting {
    /// Counts one until the guard is dropped, also when the wait is given up.
    pub(crate) fn enter(&self) -> Entered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(Arc::clone(&self.0))
    }

    /// Those who wait now.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One who waits.
pub(crate) struct Entered(Arc<AtomicU32>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
