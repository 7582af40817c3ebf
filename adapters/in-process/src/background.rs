use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use portico_domain::ports::{Background, Task};
use tokio::runtime::Handle;

/// How many tasks may be under way at once unless something else is asked for.
const DEFAULT_MOST: usize = 1_024;

/// Runs what nobody waits for as tasks of a tokio runtime, so many at once at most.
///
/// Beyond that a task is dropped and counted: whoever hands one over can do without it, and a source that hangs must not gather tasks without end.
#[derive(Debug, Clone)]
pub struct TaskBackground {
    runtime: Handle,
    most: usize,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    under_way: AtomicUsize,
    dropped: AtomicU64,
}

impl TaskBackground {
    /// Runs tasks on `runtime`, 1,024 at once at most.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self::with_most(DEFAULT_MOST, runtime)
    }

    /// Runs tasks on `runtime`, `most` at once.
    #[must_use]
    pub fn with_most(most: usize, runtime: Handle) -> Self {
        Self { runtime, most, figures: Arc::default() }
    }

    /// How many tasks are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.figures.under_way.load(Ordering::Relaxed)
    }

    /// How many were dropped because too many were under way.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.figures.dropped.load(Ordering::Relaxed)
    }
}

impl Background for TaskBackground {
    fn run(&self, task: Task) {
        match Place::take(&self.figures, self.most) {
            Some(place) => {
                self.runtime.spawn(async move {
                    let _place = place;
                    task.await;
                });
            }
            None => {
                self.figures.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A task's place among those under way, free again however the task ends.
struct Place(Arc<Figures>);

impl Place {
    fn take(figures: &Arc<Figures>, most: usize) -> Option<Self> {
        let more = |under_way| (under_way < most).then_some(under_way + 1);
        figures.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Arc::clone(figures)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    async fn until(condition: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it didn't come about in time");
    }

    #[tokio::test]
    async fn a_task_runs_without_anybody_waiting_also_from_a_thread_outside_the_runtime() {
        let background = TaskBackground::new(Handle::current());
        let (tell, told) = oneshot::channel();
        let from = background.clone();
        thread::spawn(move || from.run(Box::pin(async move { tell.send(7).unwrap() }))).join().unwrap();
        assert_eq!(told.await, Ok(7));
        until(|| background.under_way() == 0).await;
        assert_eq!(background.dropped(), 0);
    }

    #[tokio::test]
    async fn what_is_too_much_is_dropped_and_counted_and_places_come_free() {
        let background = TaskBackground::with_most(3, Handle::current());
        let (hold, _) = tokio::sync::broadcast::channel::<()>(1);
        let (tell, mut told) = mpsc::unbounded_channel();
        let task = |n: u32| -> Task {
            let (mut held, tell) = (hold.subscribe(), tell.clone());
            Box::pin(async move {
                let _ = held.recv().await;
                let _ = tell.send(n);
            })
        };
        for n in 0..5 {
            background.run(task(n));
        }
        assert_eq!((background.under_way(), background.dropped()), (3, 2));
        hold.send(()).unwrap();
        let mut ran = [told.recv().await, told.recv().await, told.recv().await].map(Option::unwrap);
        ran.sort_unstable();
        assert_eq!(ran, [0, 1, 2]);
        until(|| background.under_way() == 0).await;
        background.run(Box::pin(async move { tell.send(9).unwrap() }));
        assert_eq!(told.recv().await, Some(9));
    }

    #[tokio::test]
    async fn a_task_that_panics_takes_nothing_along_and_gives_its_place_back() {
        let background = TaskBackground::with_most(1, Handle::current());
        background.run(Box::pin(async { panic!("on purpose") }));
        until(|| background.under_way() == 0).await;
        let (tell, told) = oneshot::channel();
        background.run(Box::pin(async move { tell.send(()).unwrap() }));
        assert_eq!(told.await, Ok(()));
    }
}
