use std::{future::Future, pin::Pin};

/// Work that nobody waits for.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Runs what nobody waits for, such as a refresh behind an answer.
///
/// Natively a task of the runtime; on Workers it is tied to the request that is being polled and runs after its answer. It may be cut short when the
/// process or isolate ends: nothing that must not be lost belongs here.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Background: Send + Sync {
    /// Takes the task. Never blocks, never fails: a task that can't be run is dropped.
    fn run(&self, task: Task);
}
