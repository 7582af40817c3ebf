use std::time::Duration;

use async_trait::async_trait;

use crate::models::Timestamp;

/// Tells the time and waits for it.
///
/// On Workers the clock stands still while code computes and moves with I/O; flows take one `now` and keep it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Returns once `span` has passed. Dropping the future ends the wait.
    async fn sleep(&self, span: Duration);
}
