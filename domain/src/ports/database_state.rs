use std::time::Duration;

use async_trait::async_trait;

use super::Unavailable;
use crate::models::{DatabaseActivity, Pools};

/// How the database and the connections to it are doing, for operators.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DatabaseState: Send + Sync {
    /// The connections that this process keeps, at this moment. Asks nobody.
    fn pools(&self) -> Pools;

    /// What the database says of itself, by two statements at most: with each statement that has run for `long` or longer, and each transaction that has
    /// waited so long for its next one, the `at_most` oldest of them. Tells no text of a statement, and no parameter.
    async fn activity(&self, long: Duration, at_most: u32) -> Result<DatabaseActivity, Unavailable>;
}
