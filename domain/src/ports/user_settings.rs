use async_trait::async_trait;

use super::Unavailable;
use crate::models::{Timestamp, UserId, UserSettings};

/// What people have set for themselves.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UserSettingsStore: Send + Sync {
    /// Reads what somebody has set; `None` when they never set anything.
    async fn of(&self, user: UserId) -> Result<Option<UserSettings>, Unavailable>;

    /// Replaces the whole of what somebody has set, by one statement. `false` when there is no such person.
    async fn replace(&self, user: UserId, settings: UserSettings, at: Timestamp)
    -> Result<bool, Unavailable>;
}
