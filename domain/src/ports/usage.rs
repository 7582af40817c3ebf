use async_trait::async_trait;

use super::Unavailable;
use crate::models::{ApiKeyId, Day, OrganizationId, Timestamp, UsageBatch};

/// Takes note that a key was used: the hot path of every key check, so it writes to no database and waits for none.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait UsageLedger: Send + Sync {
    /// Counts one use. Natively it can no longer be lost by this process' death when this returns. Memory is bounded.
    fn count(&self, key: ApiKeyId, at: Timestamp) -> Result<(), Unavailable>;
}

/// Where the uses of keys end up.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait KeyUsage: Send + Sync {
    /// Adds a batch, and remembers when its keys were last used, in one step. A batch that was added before changes nothing; a key that is gone is passed over.
    async fn add(&self, batch: &UsageBatch) -> Result<(), Unavailable>;

    /// How often a key of this organization was used on each day since `since`, oldest first, days without use left out. `None` when the organization has no such
    /// key.
    async fn of(
        &self,
        organization: OrganizationId,
        key: ApiKeyId,
        since: Day,
    ) -> Result<Option<Vec<(Day, u64)>>, Unavailable>;
}
