use std::sync::Arc;

use super::ApiKeyError;
use crate::{
    models::{AccessClaims, ApiKeyId, Day},
    ports::{Clock, KeyUsage},
};

/// How often a key was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    /// The sum of the days.
    pub total: u64,
    /// Days on which it was used, newest first.
    pub days: Vec<(Day, u64)>,
}

/// Shows how often one key of the caller's organization was used, day by day. What was used within about the last second may still be on its way to
/// storage.
pub struct ShowKeyUsage {
    /// Tells today.
    pub clock: Arc<dyn Clock>,
    /// Knows the uses.
    pub usage: Arc<dyn KeyUsage>,
}

impl ShowKeyUsage {
    /// How many days are shown unless asked otherwise.
    pub const DAYS: u32 = 30;
    /// How many can be asked for.
    pub const MAX_DAYS: u32 = 90;

    /// Reads the last `days` days, of which today is one.
    ///
    /// # Errors
    /// [`ApiKeyError::NotFound`] when the organization has no such key.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        key: ApiKeyId,
        days: u32,
    ) -> Result<UsageReport, ApiKeyError> {
        let Day(today) = Day::of(self.clock.now());
        let back = i32::try_from(days.clamp(1, Self::MAX_DAYS) - 1).unwrap_or_default();
        let since = Day(today.saturating_sub(back));
        let found = self.usage.of(caller.organization_id, key, since).await?;
        let mut days = found.ok_or(ApiKeyError::NotFound)?;
        days.reverse();
        Ok(UsageReport { total: days.iter().map(|(_, uses)| uses).sum(), days })
    }
}
