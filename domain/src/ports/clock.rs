use std::{future::Future, pin::pin, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};

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

/// What comes of `work`, or `None` when it takes longer than `limit`; then it is dropped where it stands.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T> + Send,
) -> Option<T> {
    match select(pin!(work), clock.sleep(limit)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}
