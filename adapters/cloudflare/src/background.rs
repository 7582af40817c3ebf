use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use portico_domain::ports::{Background, Task};

use crate::scope;

/// Runs what nobody waits for after the answer of the request that is being polled, and within what that request still holds, such as its
/// database connection.
///
/// A task that comes while no event is being polled has nobody whose I/O it could use: it is dropped, and counted.
#[derive(Debug, Clone, Default)]
pub struct ScopedBackground {
    dropped: Arc<AtomicU64>,
}

impl ScopedBackground {
    /// How many tasks couldn't be run.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Background for ScopedBackground {
    fn run(&self, task: Task) {
        let taken = scope::current().is_some_and(|scope| scope.after_answer(task).is_ok());
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    // What it does within an event is tried on workerd, in `runtime-worker/test/cache.test.mjs`: only the runtime makes events.
    #[test]
    fn without_an_event_a_task_is_dropped_unrun_and_counted() {
        let background = ScopedBackground::default();
        let ran = Arc::new(AtomicBool::new(false));
        for _ in 0..3 {
            let ran = Arc::clone(&ran);
            background.run(Box::pin(async move { ran.store(true, Ordering::Relaxed) }));
        }
        assert_eq!(background.clone().dropped(), 3);
        assert!(!ran.load(Ordering::Relaxed));
        assert_eq!(Arc::strong_count(&ran), 1, "what the tasks held is free again");
    }
}
