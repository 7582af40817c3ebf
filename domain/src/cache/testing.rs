//! What the tests of the cache share.

use crate::ports::{Background, Task};

/// Runs tasks at once, beside the test.
pub(crate) struct Spawned;

impl Background for Spawned {
    fn run(&self, task: Task) {
        tokio::spawn(task);
    }
}
