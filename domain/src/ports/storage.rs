use async_trait::async_trait;

use super::Unavailable;
use crate::models::Timestamp;

/// The storage as a whole, for upkeep.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Storage: Send + Sync {
    /// Asks the smallest question (`SELECT 1`): answers if storage does.
    async fn ping(&self) -> Result<(), Unavailable>;

    /// Deletes at most `at_most` rows whose time has run out by `now`: sessions past their end, used states past theirs, names of
    /// batches of uses that were added a week ago, idempotency keys that are free again. Says how many went.
    async fn purge_expired(&self, now: Timestamp, at_most: u32) -> Result<u64, Unavailable>;
}
