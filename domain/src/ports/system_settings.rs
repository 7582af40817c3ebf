use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::Unavailable;
use crate::models::{PageRequest, SettingKey, SystemSetting, Timestamp};

/// The settings of the system.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SystemSettings: Send + Sync {
    /// Lists settings by when they were first set, one more than the limit if there are more.
    async fn list(&self, page: PageRequest) -> Result<Vec<SystemSetting>, Unavailable>;

    /// Sets one, new or not, by one statement; `id` is what a new one is told apart by. Gives it as it is now.
    async fn set(
        &self,
        key: SettingKey,
        id: Uuid,
        value: Value,
        at: Timestamp,
    ) -> Result<SystemSetting, Unavailable>;

    /// Removes one; `false` when there was none such.
    async fn remove(&self, key: SettingKey) -> Result<bool, Unavailable>;
}
